"""What a browser without a session sees: where the link is, and how to get a new one."""

from __future__ import annotations

from string import Template

MISSING = "This browser has no session with this app."
USED_UP = "This link was used already, or is more than an hour old."

#: Nothing but its own inline style.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Repo Runner is locked</title>
<style>
  :root { color-scheme: light dark; --line: #8886; --quiet: light-dark(#555, #aaa); }
  body { font: 16px/1.55 system-ui, sans-serif; margin: 0; display: grid; place-items: center;
         min-height: 100vh; background: light-dark(#fff, #0e1117); color: light-dark(#1a1c24, #fafafa); }
  main { max-width: 34rem; padding: 2rem; box-sizing: border-box; }
  h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
  p { margin: .75rem 0; }
  code { display: block; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem;
         font: 14px/1.5 ui-monospace, monospace; user-select: all; overflow-wrap: anywhere; }
  small { color: var(--quiet); }
</style>
<main>
  <h1>Repo Runner is locked</h1>
  <p>$reason</p>
  <p>Open the link that the app printed in its terminal when it started. It works once.
     For a new one, run this where the app runs:</p>
  <code>python -m repo_runner link</code>
  <p><small>The session lasts until the app ends.</small></p>
</main>
</html>
""")


def locked_page(reason: str = MISSING) -> str:
    """The page, as HTML; `reason` is one of the sentences above."""
    return _PAGE.substitute(reason=reason)
