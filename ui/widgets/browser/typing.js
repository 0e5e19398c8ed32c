// A field of the form is looked at as soon as one stops typing: Streamlit's own fields wait for Enter or for being left.

const TYPED_AFTER_MS = 700;
const FORM_FIELDS = ".st-key-form :is(input[type=text], textarea)";
let typingTimer;

// A listener of an earlier session of this page would answer too.
window.repoRunnerTyping?.abort();
window.repoRunnerTyping = new AbortController();

document.addEventListener(
  "input",
  (event) => {
    const field = event.target;
    if (!event.isTrusted || !field.matches?.(FORM_FIELDS)) return;
    clearTimeout(typingTimer);
    typingTimer = setTimeout(() => isHere(field) && enter(field), TYPED_AFTER_MS);
  },
  { signal: window.repoRunnerTyping.signal, capture: true },
);

const isHere = (field) => document.activeElement === field;

// One line: Enter. Several lines: Ctrl+Enter, which Streamlit hears as a key that goes down.
function enter(field) {
  const several = field.localName === "textarea";
  const key = { key: "Enter", code: "Enter", keyCode: 13, charCode: 13, bubbles: true, ctrlKey: several };
  field.dispatchEvent(new KeyboardEvent(several ? "keydown" : "keypress", key));
}
