// How a simulated pod behaves: every knob of sd-simulator, with its default. Pure but for reading a trace
// file.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "simulator/faults.hpp"

namespace simulator {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

enum class Distribution { fixed, lognormal, exponential, trace };

// What a generation meets that arrives while another one runs.
enum class Overload { queue, slow, error, mix, crash };

struct OverloadPolicy {
    Overload mode = Overload::queue;                          // the real WebUI: a FIFO lock
    double queue_share = 1, slow_share = 1, error_share = 1;  // mix: how often each, relative to the others
    int crash_at = 2;                                         // crash: so many generations inside at once
};

// Times are seconds, before --time-scale.
struct Options {
    bool help = false;
    std::string id;  // what every answer says in x-stub-pod
    std::string profile;
    std::string dialect = "a1111";
    int ordinal = 0;  // this pod's place among its siblings, from 0
    std::uint16_t port = 7860;
    bool listen = false;
    double time_scale = 1;

    double cold = 20;          // process start until the port opens
    double mount_delay = 1.5;  // port open until /sdapi is mounted
    double crash_window = 0;   // the end of mount_delay, in which an HTTP request ends the process
    double model_load = 8;     // process start until the model is loaded, in the background
    bool lazy_model = false;   // the first generation pays for the model (Forge)
    double start_fail = 0;     // probability that the start ends with exit status 1
    bool nowebui = false;      // no page, and the port opens only when everything is mounted

    double service = 10.08;  // mean time that a generation holds the GPU, decoding included
    double cv = 0.012;       // standard deviation / mean
    Distribution distribution = Distribution::lognormal;
    std::vector<double> trace;  // service times of Distribution::trace, taken in turn
    std::optional<std::uint64_t> seed;
    int steps = 20;
    bool per_pixel = false;
    double decode =
        0.15;  // the end of the service time that an interrupt does not shorten; at most half of it

    std::optional<std::size_t> png_bytes;  // empty: by the picture's size
    bool gzip = true;
    bool sse_gzip = false;  // buffers event streams to their end, as GZipMiddleware of starlette 0.26 does

    double keep_alive = 5;     // never scaled: a client's idle connections age by the real clock
    int threads = 40;          // synchronous requests inside at once (AnyIO's default)
    std::string auth;          // user:password of /sdapi; empty: open
    std::string gradio_auth;   // user:password of the page; empty: open
    bool gradio_queue = true;  // events of the page come by WebSocket
    double hash_limit = 5, data_limit = 60;  // what a Gradio 3 socket waits for its client; never scaled
    OverloadPolicy overload;
    bool pid1 = false;
    std::string log;
    std::vector<Fault> faults;

    std::vector<std::string> ignored;  // the WebUI's own flags that mean nothing here

    // Seconds of the simulated world as time of ours.
    Duration scaled(double seconds) const {
        return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds * time_scale));
    }
};

using Environment = std::function<const char*(const std::string& name)>;

// Options, or one sentence saying what is wrong and what would be right. Later wins: defaults, profile,
// environment (SD_SIMULATOR_COLD for --cold, and so on), arguments.
std::variant<Options, std::string> parse_options(const std::vector<std::string>& args,
                                                 const Environment& environment);

std::string help_text();

// Sets what the profile says; false: there is no such profile.
bool apply_profile(Options& options, std::string_view name);
std::string_view profile_names();

}  // namespace simulator
