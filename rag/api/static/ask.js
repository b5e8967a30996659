"use strict";
// Everything that came from documents or a model enters the page by textContent only.

const byId = (id) => document.getElementById(id);

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

// A path is as long as its disk is deep; where the document lies in its folder is what tells.
function place(uri) {
  let shown = uri;
  try {
    shown = decodeURI(uri);
  } catch {
    // A name that is no UTF-8 is shown as it is written.
  }
  const made = element("small", shown.split("/").slice(-2).join("/"));
  made.title = uri;
  return made;
}

function citation(one) {
  const item = document.createElement("li");
  const link = element("a", one.document);
  const id = encodeURIComponent(one.document_id);
  link.href = `/api/v1/documents/${id}/versions/${one.version}/original`;
  const page = one.page === null ? "" : `, page ${one.page}`;
  item.append(element("strong", `[${one.n}]`), link, page);
  item.append(element("blockquote", one.quote), place(one.uri));
  return item;
}

const VERDICTS = { partly: "partly supported", unsupported: "unsupported" };

// The answer with each sentence marked whose support falls short; the reason stands beside it.
function marked(answer) {
  // Spans count characters, of which JavaScript may need two units for one.
  const characters = Array.from(answer.answer);
  const text = (from, to) => document.createTextNode(characters.slice(from, to).join(""));
  const made = [];
  let at = 0;
  for (const claim of answer.claims) {
    const [start, end] = claim.span;
    made.push(text(at, start));
    at = end;
    if (!(claim.verdict in VERDICTS)) {
      made.push(text(start, end));
      continue;
    }
    const sentence = document.createElement("mark");
    sentence.className = claim.verdict;
    sentence.title = claim.reason;
    const label = element("small", ` (${VERDICTS[claim.verdict]})`);
    sentence.append(text(start, end), label);
    made.push(sentence);
  }
  made.push(text(at));
  return made;
}

function verdict(answer) {
  if (answer.abstained) return "The documents do not tell.";
  const removed = answer.removed === 1 ? "One sentence" : `${answer.removed} sentences`;
  return answer.removed ? `${removed} without support left out.` : "";
}

function show(answer) {
  byId("verdict").textContent = verdict(answer);
  byId("answer").replaceChildren(...marked(answer));
  byId("citations").replaceChildren(...answer.citations.map(citation));
  const looked = answer.abstained && answer.searched.length
    ? `Looked at: ${answer.searched.join("; ")}. ` : "";
  const support = answer.support === null ? "" : `, support ${answer.support.toFixed(2)}`;
  byId("about").textContent = `${looked}${answer.model}, confidence ` +
    `${answer.confidence.toFixed(2)}${support}, trace ${answer.trace_id}`;
  byId("result").hidden = false;
}

async function ask(question) {
  const response = await fetch("/api/v1/answers", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Accept": "application/json" },
    body: JSON.stringify({ question }),
  });
  const body = await response.json();
  if (response.status === 401) location.replace("/sign-in");
  if (!response.ok) throw new Error(`${body.detail} ${body.hint || ""}`.trim());
  return body;
}

// Who asks is always shown: as whom, or that this page asks nobody who they are.
async function greet() {
  const response = await fetch("/api/v1/session");
  if (response.status === 401) {
    location.replace("/sign-in");
    return;
  }
  const me = await response.json();
  const alone = me.carrier === "machine";
  byId("who").textContent = alone ? "Single user: whoever reaches this page" : me.user;
  byId("leave").hidden = alone;
}

byId("leave").addEventListener("click", async () => {
  await fetch("/api/v1/session", { method: "DELETE" });
  location.replace("/sign-in");
});

greet();

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const status = byId("status");
  byId("ask").disabled = true;
  byId("result").hidden = true;
  status.className = "";
  status.textContent = "Looking …";
  try {
    show(await ask(byId("question").value));
    status.textContent = "";
  } catch (error) {
    status.className = "problem";
    status.textContent = error.message;
  } finally {
    byId("ask").disabled = false;
  }
});
