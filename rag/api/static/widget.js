// The Ask widget: a button on somebody else's page that opens Ratchet in a frame of Ratchet's own
// origin. Of the page it reads its own script tag alone; to the page it adds one element, whose
// inside is closed to the page's styles and scripts as theirs are to it.
(() => {
  "use strict";
  const script = document.currentScript;
  const panel = new URL("/widget", script.src);
  if (script.dataset.domain) panel.searchParams.set("domain", script.dataset.domain);

  const STYLE = `
    :host { all: initial !important; position: fixed !important; right: 16px !important;
      bottom: 16px !important; z-index: 2147483647 !important; }
    button { font: 600 16px/1 system-ui, sans-serif; min-width: 88px; padding: 13px 20px;
      border: 1px solid transparent; border-radius: 24px; background: #0b5cad; color: #fff;
      box-shadow: 0 2px 10px #0005; cursor: pointer; }
    button:focus-visible { outline: 3px solid #0b5cad; outline-offset: 3px; }
    iframe { position: fixed; right: 16px; bottom: 74px; box-sizing: border-box; width: 420px;
      height: min(680px, 100% - 90px); border: 1px solid #8888; border-radius: 12px;
      background: #f7f8fa; box-shadow: 0 6px 28px #0005; }
    iframe[hidden] { display: none; }
    @media (max-width: 480px) {
      iframe { inset: 0 0 72px; width: 100%; height: calc(100% - 72px); border-width: 0 0 1px;
        border-radius: 0; }
    }
    @media (prefers-color-scheme: dark) {
      button { background: #7db8f5; color: #14181f; }
      button:focus-visible { outline-color: #7db8f5; }
      iframe { background: #14181f; }
    }
    @media print { :host { display: none !important; } }`;

  function mount() {
    // Another tag was here before: one button is enough.
    if (document.querySelector("ratchet-ask")) return;
    const host = document.createElement("ratchet-ask");
    const root = host.attachShadow({ mode: "closed" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];

    const button = document.createElement("button");
    button.type = "button";
    const frame = document.createElement("iframe");
    frame.title = "Ask your documents";
    frame.referrerPolicy = "no-referrer";
    root.append(button, frame);

    const show = (open) => {
      // Nothing of Ratchet is loaded before somebody wants it.
      if (open && !frame.src) frame.src = panel;
      frame.hidden = !open;
      button.textContent = open ? "Close" : "Ask";
      button.setAttribute("aria-expanded", open);
    };
    const toggle = (open) => {
      show(open);
      (open ? frame : button).focus();
    };
    button.addEventListener("click", () => toggle(frame.hidden));
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !frame.hidden) toggle(false);
    });
    frame.addEventListener("load", () => {
      if (root.activeElement === frame) frame.contentWindow.focus();
    });
    // Keys that are pressed in the frame are not heard here; this is all that it ever tells.
    addEventListener("message", ({ source, origin, data }) => {
      if (source === frame.contentWindow && origin === panel.origin && data === "ratchet:close")
        toggle(false);
    });
    show(false);
    document.body.append(host);
  }

  if (document.body) mount();
  else addEventListener("DOMContentLoaded", mount, { once: true });
})();
