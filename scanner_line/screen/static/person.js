// Signing in at the bench: the operators by name as large buttons, a PIN by keys or by touch. Nothing of it is kept by the browser.
import { $, ask, make, put, say } from "./kit.js";

let chosenId = null;
let current = () => null;
let waiting = 0;
let signed = () => {}; // the stream of views is opened anew, since it was asked for with the cookie from before

export function setUp(view, changed) {
  current = view;
  signed = changed;
  $("person-dialog").querySelector("form").onsubmit = signIn;
  $("person-cancel").onclick = () => $("person-dialog").close();
  $("person-dialog").onclose = () => { $("pin").value = ""; put($("person-wrong"), ""); };
  $("person").onclick = begin;
  $("sign-out").onclick = async () => { $("more-dialog").close(); await ask("/api/sign-out", {}); signed(); };
  const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "⌫", "0"];
  $("pad").replaceChildren(...keys.map((key) => make("button", { type: "button", class: "key", tabindex: "-1", onclick: () => press(key) }, key)));
}
function press(key) {
  const input = $("pin");
  input.value = key === "⌫" ? input.value.slice(0, -1) : (input.value + key).slice(0, 12);
  input.focus();
}

export function begin() {
  const view = current();
  if (!view || $("person-dialog").open) return;
  const people = view.sign_in.operators;
  chosenId = people.length === 1 ? people[0].id : people.some((one) => one.id === chosenId) ? chosenId : null;
  put($("person-words"), people.length ? "" : say("nobody-known"));
  $("person-list").setAttribute("aria-label", say("sign-in-title"));
  $("person-list").replaceChildren(...people.map((one) => make("button", { type: "button", class: "key", "aria-pressed": String(one.id === chosenId),
    onclick: (event) => {
      chosenId = one.id;
      for (const other of $("person-list").children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
      $("pin").focus();
    } }, one.name)));
  for (const id of ["pin-label", "pad", "person-go"]) $(id).hidden = !people.length;
  $("person-dialog").showModal();
  if (people.length) (chosenId ? $("pin") : $("person-list").firstElementChild).focus();
}

async function signIn(event) {
  event.preventDefault();
  if (!chosenId) return put($("person-wrong"), say("choose-name"));
  if (!/^[0-9]{6,12}$/.test($("pin").value)) return put($("person-wrong"), say("pin-wrong-shape"));
  $("person-go").disabled = true;
  const answer = await ask("/api/sign-in", { operator: chosenId, pin: $("pin").value });
  $("person-go").disabled = false;
  $("pin").value = "";
  if (answer.ok) {
    $("person-dialog").close();
    return signed();
  }
  clearInterval(waiting);
  if (answer.wait_s > 0) {
    const until = Date.now() + answer.wait_s * 1000;
    const count = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left <= 0) clearInterval(waiting);
      put($("person-wrong"), left > 0 ? say(answer.code === "wrong" ? "pin-wrong-wait" : "pin-wait", { s: left }) : "");
    };
    count();
    waiting = setInterval(count, 500);
  } else put($("person-wrong"), answer.code === "wrong" ? say("pin-wrong") : answer.why || say("no-answer"));
  return $("pin").focus();
}

export function show(view) {
  const one = view.sign_in.operator;
  $("person").hidden = !view.sign_in.required && !one && !view.sign_in.operators.length;
  put($("person-name"), one ? one.name ?? say("signed-in") : say("sign-in"));
  $("person").dataset.in = String(Boolean(one));
  $("sign-out").hidden = !one;
  if (view.sign_in.required && !one && view.state === "idle" && !document.querySelector("dialog[open]") && !document.body.dataset.dismissed) begin();
  if (one && view.sign_in.here && $("person-dialog").open && document.body.dataset.person !== one.id) $("person-dialog").close();
  document.body.dataset.person = one?.id ?? "";
}
