// The page a browser gets: as many files as the WebUI's, a prompt, a bar and an image. Every URL is relative,
// so that it works under any host and path. `window.sd` is its state, for tests that drive a browser.
#include "simulator/a1111.hpp"
#include "simulator/login.hpp"
#include "simulator/pod.hpp"

namespace simulator::a1111_handlers {
namespace {

constexpr std::string_view page_body = R"html(<main>
<h1>Stable Diffusion <small>simulated, pod <span id="pod"></span></small></h1>
<textarea id="prompt" rows="3">pretty dog</textarea>
<p><button id="generate">Generate</button> <button id="interrupt">Interrupt</button></p>
<div class="track"><div id="bar"></div></div>
<p id="text"></p>
<img id="result" alt="" width="512" height="512" hidden>
<pre id="log"></pre>
</main>
<script>
const by = id => document.getElementById(id);
const sd = window.sd = {state: "idle", polls: 0, pollErrors: 0, active: 0, alive: 0, pods: [], wsErrors: 0,
                        s: Math.random().toString(36).slice(2, 13)};
by("pod").textContent = document.body.dataset.pod;
const log = line => by("log").textContent = (line + "\n" + by("log").textContent).slice(0, 4000);
const saw = answer => {
  const pod = answer.headers.get("x-stub-pod");
  if (pod && !sd.pods.includes(pod)) { sd.pods.push(pod); log("pod " + pod); }
  return answer;
};
const post = async (path, body) => saw(await fetch(path, {method: "POST", body: JSON.stringify(body),
  headers: {"Content-Type": "application/json"}}));
const show = (share, text) => { by("bar").style.width = 100 * share + "%"; by("text").textContent = text; };

// One WebSocket for each event, open as long as its function runs, as Gradio 3's client.
function event(fn_index, data, completed, failed) {
  const url = new URL("queue/join", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  let over = false;
  const end = (how, what) => { if (!over) { over = true; how(what); } };
  socket.onmessage = ({data: text}) => {
    const message = JSON.parse(text);
    if (message.msg === "send_hash") socket.send(JSON.stringify({fn_index, session_hash: sd.s}));
    if (message.msg === "send_data") socket.send(JSON.stringify({fn_index, data, event_data: null, session_hash: sd.s}));
    if (message.msg !== "process_completed") return;
    if (message.success) end(completed, message.output.data); else end(failed, message.output.error);
  };
  socket.onclose = closed => {
    if (!over || !closed.wasClean) sd.wsErrors++;
    end(failed, "Connection errored out.");
  };
}

async function poll(task) {
  while (sd.state === "running" && sd.task === task) {
    try {
      const answer = await post("internal/progress", {id_task: task, id_live_preview: -1, live_preview: false});
      if (!answer.ok) throw new Error(answer.status);
      const at = await answer.json();
      sd.polls++;
      if (at.active) sd.active++;
      if (sd.state === "running" && sd.task === task)
        show(at.progress || 0, at.textinfo || Math.round(100 * (at.progress || 0)) + "%");
    } catch (error) { sd.pollErrors++; }
    await new Promise(done => setTimeout(done, 500));
  }
}

function generate() {
  if (sd.state === "running") return;
  const letters = Array.from({length: 15}, () => Math.random().toString(36)[2] || "x").join("");
  const task = sd.task = "task(" + letters + ")";
  const fail = why => { sd.state = "error " + why; show(0, sd.state); log(sd.state); };
  sd.state = "running";
  by("result").hidden = true;
  show(0, "");
  poll(task);
  event(1, [task, by("prompt").value, "", 20, 512, 512, -1], data => {
    const image = by("result");
    image.onload = () => { sd.state = "done"; image.hidden = false; show(1, "done"); };
    image.onerror = () => { sd.state = "image lost"; show(0, sd.state); };
    sd.image = image.src = "file=" + data[0][0].name;
  }, fail);
}
by("generate").onclick = generate;
by("interrupt").onclick = () => event(2, [], () => log("interrupted"), log);

// Open as long as the page.
sd.beats = new EventSource("heartbeat/" + sd.s);
sd.beats.onopen = () => sd.alive++;
</script>
</body></html>
)html";

constexpr std::string_view style =
    R"(:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }
small { display: block; font-size: 1rem; font-weight: normal; opacity: .6; }
textarea { width: 100%; box-sizing: border-box; font: inherit; }
.track { height: .5rem; background: #8884; border-radius: .25rem; overflow: hidden; }
#bar { height: 100%; width: 0; background: #e8833a; transition: width .3s; }
#result { max-width: 100%; height: auto; image-rendering: pixelated; border-radius: .5rem; }
)";

constexpr std::string_view icon =
    R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="6" r="4" fill="#e8833a"/>)"
    R"(<path d="M0 12l4-4 3 3 4-5 5 6v4H0z" fill="#456"/></svg>)";

Reply reply(std::string_view type, std::string body) {
    Reply reply;
    reply.type = type;
    reply.body = std::move(body);
    return reply;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

}  // namespace

Reply page(Pod& pod, const Call& call) {
    if (pod.options.nowebui) return Reply::detail(http::status::not_found, "Not Found");
    if (!logged_in(pod, call)) return login_page();
    std::string html =
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>Stable Diffusion</title>"
        "<link rel=\"stylesheet\" href=\"theme.css\"><link rel=\"icon\" href=\"favicon.ico\">\n";
    for (int i = 0; i < page_scripts; ++i)
        html += "<script src=\"file=javascript/" + std::to_string(i) + ".js\" defer></script>\n";
    html += "</head><body data-pod=\"" + escaped(pod.options.id) + "\">\n";
    html += page_body;
    return reply("text/html; charset=utf-8", std::move(html));
}

Reply theme(Pod&, const Call&) {
    return reply("text/css; charset=utf-8", std::string(style));
}
Reply favicon(Pod&, const Call&) {
    return reply("image/svg+xml", std::string(icon));
}
Reply robots(Pod&, const Call&) {
    return reply("text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n");
}

}  // namespace simulator::a1111_handlers
