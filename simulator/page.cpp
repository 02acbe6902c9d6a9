// The page a browser gets: as many files as the WebUI's, a prompt, a bar and an image. Every URL is relative,
// so that it works under any host and path. `window.sd` is its state, for tests that drive a browser.
#include <algorithm>
#include <charconv>

#include "simulator/a1111.hpp"
#include "simulator/pod.hpp"

namespace simulator::a1111_handlers {
namespace {

constexpr int script_files = 40;  // file=javascript/N.js, 6 kB each
constexpr std::size_t script_bytes = 6000;

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

async function poll(task) {
  while (sd.state === "running") {
    try {
      const answer = await post("internal/progress", {id_task: task, id_live_preview: -1, live_preview: false});
      if (!answer.ok) throw new Error(answer.status);
      const at = await answer.json();
      sd.polls++;
      if (at.active) sd.active++;
      if (sd.state === "running") show(at.progress || 0, at.textinfo || Math.round(100 * (at.progress || 0)) + "%");
    } catch (error) { sd.pollErrors++; }
    await new Promise(done => setTimeout(done, 500));
  }
}

async function generate() {
  if (sd.state === "running") return;
  const letters = Array.from({length: 15}, () => Math.random().toString(36)[2] || "x").join("");
  const task = "task(" + letters + ")";
  sd.state = "running";
  show(0, "");
  poll(task);
  try {
    const answer = await post("sdapi/v1/txt2img",
      {prompt: by("prompt").value, force_task_id: task, send_images: false});
    if (!answer.ok) throw new Error(answer.status);
    await answer.json();
    const image = by("result");
    image.onload = () => { sd.state = "done"; image.hidden = false; show(1, "done"); };
    image.onerror = () => { sd.state = "image lost"; show(0, sd.state); };
    image.src = "file=outputs/" + encodeURIComponent(task).replace(/%28/g, "(").replace(/%29/g, ")") + ".png";
  } catch (error) { sd.state = "error " + error.message; show(0, sd.state); log(sd.state); }
}
by("generate").onclick = generate;
by("interrupt").onclick = () => post("sdapi/v1/interrupt", {});
</script>
</body></html>
)html";

constexpr std::string_view style =
    R"(:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }
small { font-weight: normal; opacity: .6; }
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

std::string script(int number) {
    std::string text =
        "// " + std::to_string(number) + " of the page's scripts; it is its size that matters.\n";
    const std::string line =
        "window.sdScripts = (window.sdScripts || 0) + " + std::to_string(number) + " * 0;\n";
    text += "window.sd && window.sd.alive++;\n";
    while (text.size() + line.size() < script_bytes) text += line;
    text.resize(script_bytes, ' ');
    return text;
}

// One byte range, as starlette's FileResponse of gradio serves it; anything else is the whole file.
Reply ranged(std::string_view range, std::string_view type, const std::string& bytes) {
    Reply whole = reply(type, bytes);
    whole.headers.emplace_back("Accept-Ranges", "bytes");
    constexpr std::string_view unit = "bytes=";
    if (!range.starts_with(unit)) return whole;
    const std::string_view wanted = range.substr(unit.size());
    std::size_t first = 0, last = bytes.size() - 1;
    const auto dash = wanted.find('-');
    const auto number = [](std::string_view text, std::size_t& value) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        return error == std::errc{} && end == text.data() + text.size();
    };
    if (dash == std::string_view::npos || !number(wanted.substr(0, dash), first)) return whole;
    if (dash + 1 < wanted.size() && !number(wanted.substr(dash + 1), last)) return whole;
    last = std::min(last, bytes.size() - 1);
    if (first > last) {
        whole.status = http::status::range_not_satisfiable;
        whole.body.clear();
        whole.headers.emplace_back("Content-Range", "bytes */" + std::to_string(bytes.size()));
        return whole;
    }
    whole.status = http::status::partial_content;
    whole.body = bytes.substr(first, last - first + 1);
    whole.headers.emplace_back(
        "Content-Range",
        "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(bytes.size()));
    return whole;
}

}  // namespace

Reply page(Pod& pod, const Call&) {
    if (pod.options.nowebui) return Reply::detail(http::status::not_found, "Not Found");
    std::string html =
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>Stable Diffusion</title>"
        "<link rel=\"stylesheet\" href=\"theme.css\"><link rel=\"icon\" href=\"favicon.ico\">\n";
    for (int i = 0; i < script_files; ++i)
        html += "<script src=\"file=javascript/" + std::to_string(i) + ".js\" defer></script>\n";
    html += "</head><body data-pod=\"" + escaped(pod.options.id) + "\">\n";
    html += page_body;
    return reply("text/html; charset=utf-8", std::move(html));
}

Reply config(Pod& pod, const Call&) {
    if (pod.options.nowebui) return Reply::detail(http::status::not_found, "Not Found");
    return Reply::json(
        R"({"version":"3.41.2\n","mode":"blocks","dev_mode":false,"components":[],"dependencies":[],)"
        R"("title":"Stable Diffusion","enable_queue":true,"show_api":false,"is_space":false})");
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

Reply file(Pod& pod, const Call& call) {
    const std::string_view name = call.path.substr(std::string_view("/file=").size());
    constexpr std::string_view folder = "javascript/", end = ".js";
    if (name.starts_with(folder) && name.ends_with(end)) {
        const std::string_view digits = name.substr(folder.size(), name.size() - folder.size() - end.size());
        int number = -1;
        const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (error == std::errc{} && stop == digits.data() + digits.size() && number >= 0 &&
            number < script_files)
            return ranged(call.range, "application/javascript", script(number));
    }
    if (const std::string* picture = pod.file(name)) return ranged(call.range, "image/png", *picture);
    return Reply::detail(http::status::not_found,
                         "File not found: " + std::string(name.substr(0, 200)) + ".");
}

}  // namespace simulator::a1111_handlers
