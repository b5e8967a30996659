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
  const told = answer.conflicts.map(disagreement);
  const removed = answer.removed === 1 ? "One sentence" : `${answer.removed} sentences`;
  if (answer.removed) told.unshift(`${removed} without support left out.`);
  return told.join(" ");
}

function disagreement(conflict) {
  const [mine, other] = conflict.dated.map((date) => (date ? ` (${date})` : ""));
  const age = { true: `[${conflict.n}] is newer${mine}`, false: `[${conflict.n}] is older${mine}` };
  const known = conflict.newer === null ? "which is newer is not known" : age[conflict.newer];
  return `Sources disagree: ${conflict.other.document}${other} says “${conflict.other.quote}”; ${known}.`;
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
  rating = { trace: answer.trace_id, kept: null };
  byId("comment").value = "";
  tell("");
}

async function call(method, path, said) {
  const response = await fetch(`/api/v1/${path}`, {
    method,
    headers: { "Content-Type": "application/json", "Accept": "application/json" },
    body: said && JSON.stringify(said),
  });
  const body = await response.json();
  if (response.status === 401) location.replace("/sign-in");
  if (!response.ok) throw new Error(`${body.detail} ${body.hint || ""}`.trim());
  return body;
}

// The answer on the page, and the verdict on it that the server keeps; null while there is none.
let rating = null;

function tell(text, problem = false) {
  for (const thumb of document.querySelectorAll(".thumb")) {
    const chosen = rating.kept !== null && Number(thumb.dataset.value) === rating.kept.value;
    thumb.setAttribute("aria-pressed", String(chosen));
  }
  byId("undo").hidden = byId("more").hidden = rating.kept === null;
  byId("rated").textContent = text;
  byId("rated").className = problem ? "problem" : "";
}

// One at a time, so that the last word on the page is the last word that is kept.
async function rate(act, thanks) {
  const of = rating;
  const buttons = document.querySelectorAll("#rating button");
  for (const one of buttons) one.disabled = true;
  try {
    const kept = await act(`traces/${encodeURIComponent(of.trace)}/feedback`);
    of.kept = kept.signal === "retract" ? null : kept;
    if (rating === of) tell(thanks);
  } catch (error) {
    if (rating === of) tell(error.message, true);
  } finally {
    for (const one of buttons) one.disabled = false;
  }
}

for (const thumb of document.querySelectorAll(".thumb")) {
  const value = Number(thumb.dataset.value);
  thumb.addEventListener("click", () =>
    rate((path) => call("POST", path, { value, comment: byId("comment").value }), "Thank you."));
}

byId("undo").addEventListener("click", async () => {
  await rate((path) => call("DELETE", `${path}/${rating.kept.id}`), "Taken back.");
  document.querySelector(".thumb").focus();
});

byId("rating").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = { value: rating.kept.value, comment: byId("comment").value };
  rate((path) => call("POST", path, said), "Thank you, it is kept.");
});

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

// Where a link leads: a conversation, as far as its sources may be read by who follows it.
const NO_ANSWER = {
  open: "This is being answered.",
  left: "Nobody waited for the answer.",
  failed: "This could not be answered.",
  lost: "The answer is not kept.",
};

function exchange(one) {
  const made = document.createElement("article");
  made.append(element("h3", one.question));
  if (one.answer === null) {
    const why = one.withheld ? "Withheld: it is made from what you may not read." : NO_ANSWER[one.state];
    made.append(element("p", why));
    return made;
  }
  const answer = document.createElement("p");
  answer.append(...marked(one));
  const citations = document.createElement("ol");
  citations.append(...one.citations.map(citation));
  made.append(answer, citations);
  return made;
}

async function follow(token) {
  byId("form").hidden = true;
  const place = byId("shared");
  try {
    let after = 0;
    do {
      const talk = await call("POST", "shared-conversations/look", { token, after });
      if (after === 0) place.replaceChildren(element("h2", talk.conversation.title));
      place.append(...talk.turns.map(exchange));
      after = talk.next;
    } while (after !== null);
    place.hidden = false;
  } catch (error) {
    byId("status").className = "problem";
    byId("status").textContent = error.message;
  }
}

greet();
if (location.pathname === "/shared") follow(location.hash.slice(1));

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const status = byId("status");
  byId("ask").disabled = true;
  byId("result").hidden = true;
  status.className = "";
  status.textContent = "Looking …";
  try {
    show(await call("POST", "answers", { question: byId("question").value }));
    status.textContent = "";
  } catch (error) {
    status.className = "problem";
    status.textContent = error.message;
  } finally {
    byId("ask").disabled = false;
  }
});
