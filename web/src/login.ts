// Where the gateway asks who looks: a token for a session, which the browser keeps in a cookie that no script reads.
import { byId, say } from "./dom.ts";

const MARK = "pilotlight-session"; // that there is one, for the button that ends it
const form = byId<HTMLFormElement>("login"), field = byId<HTMLInputElement>("token"), leave = byId("logout");

export async function isRefused(): Promise<boolean> {
  try {
    return (await fetch("/dashboard/timeline")).status === 401;
  } catch {
    return false; // it is away, which is no refusal
  }
}

// Resolves when somebody is let in.
export function ask(): Promise<void> {
  localStorage.removeItem(MARK);
  show(true);
  field.focus();
  return new Promise((done) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      void send().then((said) => {
        say(byId("login-said"), said);
        if (said !== "") return field.select();
        field.value = "";
        localStorage.setItem(MARK, "1");
        show(false);
        done();
      });
    };
  });
}

async function send(): Promise<string> {
  try {
    const answer = await fetch("/dashboard/login", { method: "POST", headers: { Authorization: `Bearer ${field.value.trim()}` } });
    if (answer.ok) return "";
    return answer.status === 401 ? "That is no token of this gateway, or no longer." : `The gateway answers ${answer.status}.`;
  } catch {
    return "The gateway cannot be reached, or this is no token.";
  }
}

function show(asks: boolean): void {
  byId("ask").hidden = !asks;
  byId("all").hidden = asks;
  leave.hidden = asks || localStorage.getItem(MARK) === null;
}

leave.addEventListener("click", () => {
  localStorage.removeItem(MARK);
  void fetch("/dashboard/logout", { method: "POST" }).finally(() => location.reload());
});
leave.hidden = localStorage.getItem(MARK) === null;
