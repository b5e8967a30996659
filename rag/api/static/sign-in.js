"use strict";
// One page for signing in and for following a link: a link brings its token after the #, where no
// server and no log sees it.

const byId = (id) => document.getElementById(id);
const token = location.pathname === "/join" ? location.hash.slice(1) : "";

async function send(path, body) {
  const response = await fetch(`/api/v1/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await response.json();
  if (!response.ok) throw new Error(`${said.detail} ${said.hint || ""}`.trim());
  return said;
}

function tell(error) {
  byId("status").className = "problem";
  byId("status").textContent = error.message;
}

async function prepare() {
  if (!token) {
    byId("password").autocomplete = "current-password";
    const ways = await (await fetch("/api/v1/sign-in")).json();
    if (!ways.accounts) {
      byId("form").hidden = true;
      throw new Error("There are no accounts here: whoever reaches this page is its single user.");
    }
    // What the way back from the identity provider has to say.
    if (location.hash) tell(new Error(decodeURIComponent(location.hash.slice(1))));
    byId("provider").textContent = ways.provider || "";
    byId("provider").hidden = !ways.provider;
    return;
  }
  history.replaceState(null, "", "/join");
  byId("password").autocomplete = "new-password";
  byId("enter").textContent = "Choose this password";
  const invited = await send("invitations/look", { token });
  byId("welcome").textContent = invited.name
    ? `Welcome, ${invited.name}. Choose a password.`
    : "You are the first here, and become its admin. Choose a name and a password.";
  byId("name").value = invited.name || "";
  byId("name").readOnly = Boolean(invited.name);
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("enter").disabled = true;
  const name = byId("name").value;
  const password = byId("password").value;
  try {
    if (token) await send("invitations/accept", { token, name, password });
    else await send("session", { name, password });
    location.replace(`/${location.search}`);
  } catch (error) {
    tell(error);
  } finally {
    byId("enter").disabled = false;
  }
});

prepare().catch(tell);
