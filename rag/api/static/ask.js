"use strict";
// The page in the panel of the Ask widget: in a frame on somebody else's page, it has to be small.
// What came from documents or a model enters it by textContent only.

const byId = (id) => document.getElementById(id);
const domain = new URLSearchParams(location.search).get("domain") || undefined;

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
  // What cannot be had says so elsewhere, not in place of the conversation.
  link.target = "_blank";
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
    if (claim.span === null) continue; // It was taken out.
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

function about(one) {
  const told = [one.model];
  if (one.confidence !== undefined) told.push(`confidence ${one.confidence.toFixed(2)}`);
  if (one.support !== null) told.push(`support ${one.support.toFixed(2)}`);
  if (one.trace_id) told.push(`trace ${one.trace_id}`);
  const looked = one.abstained && one.searched?.length ? `Looked at: ${one.searched.join("; ")}. ` : "";
  const asked = one.standalone ? `Searched for “${one.standalone}”. ` : "";
  return `${asked}${looked}${told.join(", ")}`;
}

async function call(method, path, said) {
  const response = await fetch(`/api/v1/${path}`, {
    method,
    headers: {
      "Content-Type": "application/json",
      "Accept": "application/json",
      ...(domain && { "X-Ratchet-Domain": domain }),
    },
    body: said && JSON.stringify(said),
  });
  if (response.status === 401) {
    signIn();
    return new Promise(() => {}); // The page is left, or emptied: nobody waits for this any more.
  }
  const body = await response.json();
  if (!response.ok) throw new Error(`${body.detail} ${body.hint || ""}`.trim());
  return body;
}

function tell(text, problem = false) {
  byId("status").textContent = text;
  byId("status").className = problem ? "problem" : "";
}

// --- a question with its answer ---

const NO_ANSWER = {
  open: "This is being answered.",
  left: "Nobody waited for the answer.",
  failed: "This could not be answered.",
  lost: "The answer is not kept.",
};

// `again`: it was read from the server, where a verdict on it may be kept already.
function exchange(one, again = false) {
  const made = byId("exchange").content.firstElementChild.cloneNode(true);
  const part = (name) => made.querySelector(`.${name}`);
  part("question").textContent = one.question;
  const answered = typeof one.answer === "string";
  if (answered) {
    part("verdict").textContent = verdict(one);
    part("answer").replaceChildren(...marked(one));
    part("citations").replaceChildren(...one.citations.map(citation));
    part("about").textContent = about(one);
  } else {
    const why = one.withheld ? "Withheld: it is made from what you may not read." : NO_ANSWER[one.state];
    part("answer").textContent = why ?? "";
  }
  if (answered && one.trace_id) rateable(part("rating"), one.trace_id, again);
  else part("rating").remove();
  return made;
}

// Below an answer: the verdict on it that the server keeps, if any, and buttons for another.
function rateable(form, trace, again) {
  const part = (name) => form.querySelector(`.${name}`);
  const thumbs = form.querySelectorAll(".thumb");
  const path = `traces/${encodeURIComponent(trace)}/feedback`;
  let kept = null;

  // One at a time, so that the last word on the page is the last word that is kept.
  async function keep(act, thanks) {
    const buttons = form.querySelectorAll("button");
    const at = form.contains(document.activeElement) ? document.activeElement : null;
    for (const one of buttons) one.disabled = true;
    try {
      kept = await act();
      say(thanks);
    } catch (error) {
      say(error.message, true);
    } finally {
      for (const one of buttons) one.disabled = false;
      at?.focus({ preventScroll: true }); // What is disabled loses it.
    }
  }

  function say(text, problem = false) {
    for (const thumb of thumbs) {
      const chosen = kept !== null && Number(thumb.dataset.value) === kept.value;
      thumb.setAttribute("aria-pressed", String(chosen));
    }
    part("undo").hidden = part("more").hidden = kept === null;
    part("rated").textContent = text;
    part("rated").classList.toggle("problem", problem);
  }

  const rate = (value, thanks) =>
    keep(() => call("POST", path, { value, comment: part("comment").value }), thanks);

  for (const thumb of thumbs)
    thumb.addEventListener("click", () => rate(Number(thumb.dataset.value), "Thank you."));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (kept !== null) rate(kept.value, "Thank you, it is kept.");
  });
  part("undo").addEventListener("click", async () => {
    await keep(async () => {
      await call("DELETE", `${path}/${kept.id}`);
      return null;
    }, "Taken back.");
    thumbs[0].focus();
  });

  if (!again) return;
  // A long conversation is looked at bit by bit.
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    keep(async () => {
      const { feedback } = await call("GET", path);
      const mine = feedback.find((one) => one.target.kind === "answer" && one.signal === "thumb");
      part("comment").value = mine?.comment ?? "";
      return mine ?? null;
    }, "");
  });
  seen.observe(form);
}

// --- the conversation on the page ---

// Its id is null while nothing is asked. What arrives for one that was left is not shown in the next.
let talk = { id: null };

function begin(id = null) {
  talk = { id };
  byId("turns").replaceChildren();
  byId("ask").disabled = false;
  tell("");
}

// Shows what the server keeps, as it may be seen now; `look` asks for the page after a turn.
async function replay(id, look) {
  begin(id);
  const of = talk;
  byId("ask").disabled = true;
  try {
    let after = 0;
    do {
      const page = await look(after);
      if (of !== talk) return;
        byId("turns").append(...page.turns.map((one) => exchange(one, true)));
      after = page.next;
    } while (after !== null);
    byId("ask").disabled = false;
    byId("turns").lastElementChild?.scrollIntoView();
  } catch (error) {
    if (of !== talk) return;
    begin();
    tell(error.message, true);
  }
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const of = talk;
  const question = byId("question").value;
  const asked = exchange({ question, answer: null });
  byId("turns").append(asked);
  byId("question").value = "";
  byId("ask").disabled = true;
  tell("Looking …");
  asked.scrollIntoView();
  try {
    of.id ??= (await call("POST", "conversations", { domain })).id;
    const answer = await call("POST", "answers", { question, domain, conversation: of.id });
    const made = exchange({ ...answer, question });
    asked.replaceWith(made);
    if (of !== talk) return;
    tell("");
    made.scrollIntoView();
  } catch (error) {
    asked.remove();
    if (of !== talk) return;
    byId("question").value ||= question;
    tell(error.message, true);
  } finally {
    if (of === talk) byId("ask").disabled = false;
    if (of === talk && document.activeElement === document.body)
      byId("question").focus({ preventScroll: true });
  }
});

byId("new").addEventListener("click", () => {
  begin();
  byId("question").focus();
});

// --- one's conversations ---

async function list(cursor) {
  const query = new URLSearchParams({ ...(domain && { domain }), ...(cursor && { cursor }) });
  try {
    const page = await call("GET", `conversations?${query}`);
    const items = page.conversations.filter((one) => one.turns > 0).map(entry);
    const place = byId("past").querySelector("ul");
    if (!cursor) place.replaceChildren();
    place.append(...items);
    if (!place.children.length) place.append(element("li", "There are none yet."));
    byId("further").hidden = page.next === null;
    byId("further").onclick = () => list(page.next);
  } catch (error) {
    tell(error.message, true);
  }
}

function entry(one) {
  const made = document.createElement("li");
  const button = element("button", one.title);
  button.type = "button";
  button.className = "quiet";
  button.append(" ", element("small", new Date(one.updated_at).toLocaleDateString()));
  button.addEventListener("click", () => {
    byId("past").open = false;
    replay(one.id, (after) => call("GET", `conversations/${one.id}?limit=200&after=${after}`));
    byId("question").focus();
  });
  made.append(button);
  return made;
}

byId("past").addEventListener("toggle", () => {
  if (byId("past").open) list();
});

// --- who asks ---

function signIn() {
  // Signing in is not for a frame, which the page around it could lie about.
  const [said, link] = byId("door").children;
  const possible = keepsCookies();
  said.textContent = possible
    ? "Sign in to ask here."
    : "Your browser keeps your sign-in from this page, which is of another site.";
  link.textContent = possible ? "Sign in" : "Ask in a tab";
  link.href = `${possible ? "/sign-in" : "/"}${location.search}`;
  begin();
  enter(false);
}

// Whether a session's cookie would come here: one of its kind is tried.
function keepsCookies() {
  const name = "ratchet-probe";
  document.cookie = `${name}=1; Path=/widget; SameSite=Lax`;
  const kept = document.cookie.includes(name);
  document.cookie = `${name}=; Path=/widget; SameSite=Lax; Max-Age=0`;
  return kept;
}

function enter(may) {
  byId("door").hidden = may;
  byId("form").hidden = byId("talks").hidden = !may;
}

// Who asks is always shown: as whom, or that this page asks nobody who they are.
async function greet() {
  try {
    const me = await call("GET", "session");
    const alone = me.carrier === "machine";
    byId("who").textContent = alone ? "Single user: whoever reaches this page" : me.user;
    enter(true);
    if (document.hasFocus()) byId("question").focus();
  } catch (error) {
    tell(error.message, true);
  }
}

if (domain) document.querySelector("label[for=question]").textContent = `Ask ${domain}`;
byId("tab").href = `/${location.search}`;
addEventListener("keydown", (event) => {
  // All that the page around is ever told.
  if (event.key === "Escape" && !event.isComposing) parent.postMessage("ratchet:close", "*");
});
addEventListener("focus", () => {
  if (!byId("door").hidden) greet();
  else if (document.activeElement === document.body) byId("question").focus();
});
enter(true);
greet();
