#include "simulator/option_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <type_traits>

#include "simulator/dialect.hpp"

namespace simulator {
namespace {

template <class Number>
Number number(const std::string& text, Number least, Number most) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most)) {
        const auto plain = [](Number n) {
            return static_cast<double>(n) == std::floor(static_cast<double>(n))
                       ? std::to_string(static_cast<long long>(n))
                       : std::to_string(n);
        };
        throw OptionError("\"" + text + "\" is not a number from " + plain(least) + " to " + plain(most));
    }
    return value;
}

double seconds(const std::string& text) {
    return number(text, 0.0, 86400.0);
}

bool yes(const std::string& text) {
    if (text.empty() || text == "1" || text == "on" || text == "true" || text == "yes") return true;
    if (text == "0" || text == "off" || text == "false" || text == "no") return false;
    throw OptionError("\"" + text + "\" is neither on nor off");
}

void set_distribution(Options& o, const std::string& text) {
    if (text == "fixed") {
        o.distribution = Distribution::fixed;
    } else if (text == "lognormal") {
        o.distribution = Distribution::lognormal;
    } else if (text == "exp") {
        o.distribution = Distribution::exponential;
    } else if (text.starts_with("trace:")) {
        const std::string file = text.substr(6);
        std::ifstream in(file);
        o.trace.clear();
        for (std::string word; in >> word && o.trace.size() < 1'000'000;) o.trace.push_back(seconds(word));
        if (o.trace.empty()) throw OptionError("no service times (seconds, one a line) in " + file);
        o.distribution = Distribution::trace;
    } else {
        throw OptionError("\"" + text + "\" is none of fixed, lognormal, exp, trace:FILE");
    }
}

void set_overload(Options& o, const std::string& text) {
    const auto colon = text.find(':');
    const std::string mode = text.substr(0, colon);
    std::string rest = colon == std::string::npos ? "" : text.substr(colon + 1);
    OverloadPolicy policy;
    if (mode == "queue") {
        policy.mode = Overload::queue;
    } else if (mode == "slow") {
        policy.mode = Overload::slow;
    } else if (mode == "error") {
        policy.mode = Overload::error;
    } else if (mode == "crash") {
        policy.mode = Overload::crash;
        if (!rest.empty()) policy.crash_at = number(rest, 2, 1000);
        rest.clear();
    } else if (mode == "mix") {
        policy.mode = Overload::mix;
        for (double* share : {&policy.queue_share, &policy.slow_share, &policy.error_share}) {
            if (colon == std::string::npos) break;
            const auto comma = rest.find(',');
            *share = number(rest.substr(0, comma), 0.0, 1.0);
            rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
        }
        if (policy.queue_share + policy.slow_share + policy.error_share <= 0)
            throw OptionError("mix needs a share above 0, as in mix:0.5,0.3,0.2");
    } else {
        rest = text;
    }
    if (!rest.empty())
        throw OptionError("\"" + text + "\" is none of queue, slow, error, mix:QUEUE,SLOW,ERROR, crash:K");
    o.overload = policy;
}

void set_dialect(Options& o, const std::string& text) {
    if (!find_dialect(text))
        throw OptionError("there is no dialect \"" + text + "\"; give " + std::string(dialect_names()));
    o.dialect = text;
    o.lazy_model = text == "forge" || text == "comfy";  // they load a model in the first generation
}

void add_fault(Options& o, const std::string& text) {
    const auto fault = parse_fault(text);
    if (const auto* message = std::get_if<std::string>(&fault)) throw OptionError(*message);
    o.faults.push_back(std::get<Fault>(fault));
}

std::string credentials(const std::string& text) {
    if (text.find(':') == std::string::npos) throw OptionError("give it as USER:PASSWORD");
    return text;
}

void set_auth(Options& o, const std::string& text) {
    o.auth = credentials(text);
}

void set_png_bytes(Options& o, const std::string& text) {
    if (text == "auto")
        o.png_bytes.reset();
    else
        o.png_bytes = number<std::size_t>(text, 1, 64u << 20);
}

constexpr OptionRow rows[] = {
    {"help", "", "this text", [](Options& o, const std::string&) { o.help = true; }},
    {"port", "PORT", "port; else environment PORT, else 7860; 0 takes a free one",
     [](Options& o, const std::string& v) { o.port = number<std::uint16_t>(v, 0, 65535); }},
    {"listen", "", "listen on every address instead of 127.0.0.1",
     [](Options& o, const std::string& v) { o.listen = yes(v); }},
    {"id", "NAME", "this pod in x-stub-pod; else POD_NAME, HOSTNAME, the port",
     [](Options& o, const std::string& v) {
         o.id = v.substr(0, 200);
         std::erase_if(o.id, [](unsigned char c) { return c < 0x20 || c > 0x7e; });
     }},
    {"profile", "NAME", "hey-ref, hey-warm, hey-cold41, sdxl or fast; other options override it",
     [](Options& o, const std::string& v) { o.profile = v; }},
    {"ordinal", "N", "place among its siblings from 0, for hey-ref; else POD_ORDINAL",
     [](Options& o, const std::string& v) { o.ordinal = number(v, 0, 1'000'000); }},
    {"dialect", "NAME", "whose API: a1111, forge, sdnext, gradio5, sdcpp or comfy (a1111)", set_dialect},
    {"time-scale", "X", "multiplies every simulated time (1)",
     [](Options& o, const std::string& v) { o.time_scale = number(v, 0.0, 1000.0); }},

    {"cold", "S", "process start until the port opens (20)",
     [](Options& o, const std::string& v) { o.cold = seconds(v); }},
    {"mount-delay", "S", "port open until /sdapi is mounted; 404 before (1.5)",
     [](Options& o, const std::string& v) { o.mount_delay = seconds(v); }},
    {"crash-window", "S", "an HTTP request in this end of the mount delay exits 1 (0)",
     [](Options& o, const std::string& v) { o.crash_window = seconds(v); }},
    {"model-load", "S", "process start until the model is there; generations wait (8)",
     [](Options& o, const std::string& v) { o.model_load = seconds(v); }},
    {"lazy-model", "", "the first generation pays for the model instead",
     [](Options& o, const std::string& v) { o.lazy_model = yes(v); }},
    {"start-fail", "P", "probability that the start ends with exit status 1 (0)",
     [](Options& o, const std::string& v) { o.start_fail = number(v, 0.0, 1.0); }},
    {"nowebui", "", "no page; the port opens when everything is mounted",
     [](Options& o, const std::string& v) { o.nowebui = yes(v); }},

    {"service", "S", "mean time of a generation, decoding included (10.08)",
     [](Options& o, const std::string& v) { o.service = number(v, 0.000001, 86400.0); }},
    {"cv", "X", "its standard deviation / mean (0.012)",
     [](Options& o, const std::string& v) { o.cv = number(v, 0.0, 10.0); }},
    {"dist", "NAME", "fixed, lognormal, exp or trace:FILE (lognormal)", set_distribution},
    {"seed", "N", "of everything random; else another one each time",
     [](Options& o, const std::string& v) { o.seed = number<std::uint64_t>(v, 0, ~std::uint64_t{0} >> 1); }},
    {"steps", "N", "sampling steps where a request names none (20)",
     [](Options& o, const std::string& v) { o.steps = number(v, 1, 1000); }},
    {"per-pixel", "", "scale by width * height / 262144 * steps / 20 * images",
     [](Options& o, const std::string& v) { o.per_pixel = yes(v); }},
    {"decode", "S", "the end of the service time that interrupting does not save (0.15)",
     [](Options& o, const std::string& v) { o.decode = seconds(v); }},

    {"png-bytes", "N|auto", "bytes of an image; auto: 360 kB at 512x512, 1.3 MB at 1024x1024", set_png_bytes},
    {"gzip", "on|off", "compress for clients that accept it (on)",
     [](Options& o, const std::string& v) { o.gzip = yes(v); }},
    {"sse-gzip", "on|off", "the same for event streams, which then come in one piece at their end (off)",
     [](Options& o, const std::string& v) { o.sse_gzip = yes(v); }},
    {"keep-alive", "S", "idle connections are closed after it; never scaled (5)",
     [](Options& o, const std::string& v) { o.keep_alive = number(v, 0.01, 86400.0); }},
    {"threads", "N", "synchronous requests inside at once, the rest waits (40)",
     [](Options& o, const std::string& v) { o.threads = number(v, 1, 10'000); }},
    {"auth", "USER:PASSWORD", "Basic authentication of /sdapi", set_auth},
    {"api-auth", "USER:PASSWORD", "the same, by its WebUI name", set_auth},
    {"gradio-auth", "USER:PASSWORD", "the page asks for a login; the API does not",
     [](Options& o, const std::string& v) { o.gradio_auth = credentials(v); }},
    {"no-gradio-queue", "", "the page's events come by POST instead of WebSocket",
     [](Options& o, const std::string& v) { o.gradio_queue = !yes(v); }},
    {"hash-limit", "S", "a Gradio 3 socket waits so long for send_hash's answer; never scaled (5)",
     [](Options& o, const std::string& v) { o.hash_limit = seconds(v); }},
    {"data-limit", "S", "and so long for send_data's (60)",
     [](Options& o, const std::string& v) { o.data_limit = seconds(v); }},
    {"overload", "MODE", "a generation beside another: queue, slow, error, mix:Q,S,E, crash:K (queue)",
     set_overload},
    {"fault", "FAULT", "see Faults below; may be repeated", add_fault},
    {"pid1", "", "ignore SIGTERM, as a process that is PID 1 of its container",
     [](Options& o, const std::string& v) { o.pid1 = yes(v); }},
    {"log", "FILE", "one JSON line a request", [](Options& o, const std::string& v) { o.log = v; }},
};

constexpr std::string_view webui_plain[] = {
    "api",
    "api-log",
    "api-server-stop",
    "add-stop-route",
    "allow-code",
    "always-batch-cond-uncond",
    "autolaunch",
    "administrator",
    "all-in-fp16",
    "disable-console-progressbars",
    "disable-all-extensions",
    "disable-extra-extensions",
    "disable-model-loading-ram-optimization",
    "disable-nan-check",
    "disable-opt-split-attention",
    "disable-safe-unpickle",
    "disable-tls-verify",
    "do-not-download-clip",
    "dump-sysinfo",
    "enable-console-prompts",
    "enable-insecure-extension-access",
    "exit",
    "force-enable-xformers",
    "freeze-settings",
    "gradio-allowed-path",
    "gradio-debug",
    "gradio-queue",
    "hide-ui-dir-config",
    "lowram",
    "lowvram",
    "medvram",
    "medvram-sdxl",
    "no-download-sd-model",
    "no-half",
    "no-half-vae",
    "no-half-controlnet",
    "no-hashing",
    "no-progressbar-hiding",
    "no-prompt-history",
    "opt-channelslast",
    "opt-sdp-attention",
    "opt-sdp-no-mem-attention",
    "opt-split-attention",
    "opt-split-attention-invokeai",
    "opt-split-attention-v1",
    "opt-sub-quad-attention",
    "reinstall-torch",
    "reinstall-xformers",
    "share",
    "skip-install",
    "skip-load-model-at-start",
    "skip-prepare-environment",
    "skip-python-version-check",
    "skip-torch-cuda-test",
    "skip-version-check",
    "test-server",
    "update-all-extensions",
    "update-check",
    "upcast-sampling",
    "use-ipex",
    "vae-in-fp32",
    "xformers",
    "cuda-malloc",
    "cuda-stream",
    "pin-shared-memory",
};

constexpr std::string_view webui_with_values[] = {
    "ckpt",
    "ckpt-dir",
    "config",
    "cors-allow-origins",
    "cors-allow-origins-regex",
    "data-dir",
    "device-id",
    "embeddings-dir",
    "esrgan-models-path",
    "gfpgan-dir",
    "gfpgan-model",
    "gradio-auth-path",
    "gradio-img2img-tool",
    "gradio-inpaint-tool",
    "hypernetwork-dir",
    "localizations-dir",
    "log-startup",
    "loglevel",
    "lora-dir",
    "models-dir",
    "opt-sub-quad-chunk-threshold",
    "opt-sub-quad-kv-chunk-size",
    "opt-sub-quad-q-chunk-size",
    "precision",
    "realesrgan-models-path",
    "server-name",
    "styles-file",
    "subpath",
    "textual-inversion-templates-dir",
    "theme",
    "timeout-keep-alive",
    "tls-certfile",
    "tls-keyfile",
    "ui-config-file",
    "ui-settings-file",
    "use-cpu",
    "vae-dir",
    "vae-path",
    "ngrok",
    "ngrok-region",
    "codeformer-models-path",
    "clip-models-path",
};

}  // namespace

std::span<const OptionRow> option_table() {
    return rows;
}

WebuiFlag webui_flag(std::string_view name) {
    if (std::ranges::find(webui_plain, name) != std::end(webui_plain)) return WebuiFlag::plain;
    if (std::ranges::find(webui_with_values, name) != std::end(webui_with_values))
        return WebuiFlag::with_values;
    return WebuiFlag::unknown;
}

}  // namespace simulator
