// The token, where the host asks for one: it comes in the link's fragment or is typed, and is traded
// for a cookie that scripts can't read.

import {gone} from "/host.js";

const element = (id) => document.getElementById(id);

// Takes the token out of the address bar, where it would be seen, shared and remembered.
function tokenFromLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) history.replaceState(null, "", location.pathname);
  return token;
}

// Null where the host has let us in; else what to tell: {state, advice}.
async function signIn(token) {
  const response = await fetch("/sign-in", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({token}),
    signal: AbortSignal.timeout(10000),
  }).catch(gone);
  if (response.ok || response.status === 404) return null;  // 404: this host asks for none
  return refusedToken(response) ?? {state: "refused", advice: `It answered ${response.status}.`};
}

// What an answer says about our token; null if nothing.
export function refusedToken(response) {
  if (response.status === 429) {
    const seconds = response.headers.get("Retry-After") ?? "60";
    return {state: "limited", advice: `Try again in ${seconds} seconds.`};
  }
  if (response.status !== 401) return null;
  const wrong = response.headers.get("WWW-Authenticate")?.includes("invalid_token");
  return {state: wrong ? "wrong" : "locked", advice: ""};
}

// The link's token, if it has one. Throws {state, advice}.
let waiting = tokenFromLink();
export async function useLink() {
  if (waiting === null) return;
  const refused = await signIn(waiting);
  waiting = null;
  if (refused) throw refused;
}

// Resolves when a token has been typed, or another link was opened.
export function newToken() {
  return new Promise((resolve) => {
    const done = (token) => {
      waiting = token;
      element("token").value = "";
      removeEventListener("hashchange", onLink);
      element("sign-in").onsubmit = null;
      resolve();
    };
    const onLink = () => {
      const token = tokenFromLink();
      if (token !== null) done(token);
    };
    addEventListener("hashchange", onLink);
    element("sign-in").onsubmit = (event) => {
      event.preventDefault();
      const token = element("token").value.trim();
      // Somebody may well paste the whole link.
      if (token !== "") done(token.split("#token=").at(-1));
    };
  });
}
