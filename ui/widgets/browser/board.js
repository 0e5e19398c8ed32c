// <rr-board>: TensorBoard in a frame of the page; before it is there, what it is doing.

// All it needs, and not the window around it.
const FRAME_MAY = "allow-scripts allow-same-origin allow-downloads allow-forms allow-popups";

define(
  "rr-board",
  class extends Widget {
    render({ state, address, message, note }) {
      return h(
        "section.board",
        { "aria-label": "TensorBoard", "data-testid": "board", "data-state": state },
        h(
          "div.toolbar",
          {},
          h("span.muted", {}, note),
          h("span.grow"),
          state === "ready" && external(address, "Open in a window of its own", "TensorBoard"),
          state === "ready" && h("button.ghost", { type: "button", onclick: () => this.emit("close", true) }, "Stop"),
        ),
        state === "ready" && h("iframe", { src: address, title: "TensorBoard", sandbox: FRAME_MAY }),
        state === "starting" && h("div.blank", { role: "status" }, bar(null, message), h("p", {}, message)),
        state === "off" &&
          h(
            "div.blank",
            {},
            h("p", {}, "TensorBoard is not running."),
            h("button.press.main", { type: "button", onclick: () => this.emit("open", true) }, "Start TensorBoard"),
          ),
      );
    }
  },
);
