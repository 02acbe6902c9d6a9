// The text of sd-simulator --help.
#include <algorithm>

#include "simulator/option_table.hpp"

namespace simulator {
namespace {

constexpr std::string_view beginning =
    R"(sd-simulator: a pod with a GPU and stable-diffusion-webui on it, without either.

It starts as slowly as the real one, generates one image at a time, and answers the same API with real
PNGs, so that a gateway, a client or a test can be tried on any machine.

  sd-simulator --cold 0 --mount-delay 0 --model-load 0      ready at once on http://127.0.0.1:7860
  curl -d '{"prompt": "pretty dog"}' -H 'Content-Type: application/json' \
      http://127.0.0.1:7860/sdapi/v1/txt2img                10 s later: an image
  curl http://127.0.0.1:7860/stub/stats                     what it has seen and done
  a browser on http://127.0.0.1:7860/                       the page: prompt, progress, Interrupt

  sd-simulator --profile hey-warm --time-scale 0.05         warm, and twenty times faster
  sd-simulator --profile fast --port 7861                   20 ms an image: for measuring a gateway
  sd-simulator --cold 0 --fault crash:nth=3,at=0.5          every third generation kills it half way
  sd-simulator --dialect comfy                              ComfyUI; also forge, sdnext, gradio5, sdcpp
  sd-simulator --listen --skip-torch-cuda-test --api        the real thing's flags are fine

Options (times in seconds). Each may be given in the environment too, --time-scale as
SD_SIMULATOR_TIME_SCALE; the command line wins.

)";

constexpr std::string_view ending = R"(
Profiles
  hey-ref     10.08 s an image; the pods are ready after 40.6, 41.4, 52.3, 300 and 300 s, by --ordinal
  hey-warm    the same, ready at once            hey-cold41  the same, each ready after 41 s
  sdxl        25 s, cv 0.1, 1.3 MB, cold 60 s    fast        20 ms, 40 kB, no compression, ready at once

Faults: NAME[:KEY=VALUE,...] on the command line; while it runs, with the same keys:
  curl -d '{"fault": "drip", "rate": 2000, "times": 1}' http://127.0.0.1:7860/stub/fault
  curl -d '{"fault": "none"}' http://127.0.0.1:7860/stub/fault          all over; GET lists them
    crash       every connection is reset and the process exits 137, at= of the service time (0.5)
    hang        never answers                     error      500 OutOfMemoryError
    drip        rate= bytes a second (1000)       truncate   at= of the body, then the end (0.5)
    refuse      port closed for seconds= (5)      deaf       accepts connections, never reads
    close       resets a reused connection when a request comes on it
    half-close  shuts its sending side after the answer
    oom         exits 137 after images= (8)       not-found  404, as if not mounted
    drop        resets a WebSocket at= of its task (0.5), which goes on
  When: probability= of each opportunity (1), nth= every n-th only, times= at most so often.
  Which: path= prefix of the request's path; without it, generations.

Truth: GET /stub/stats (?runs=N for the newest N), GET /stub/metrics, POST /stub/reset; never delayed, never faulted.
)";

}  // namespace

std::string help_text() {
    std::string text(beginning);
    for (const OptionRow& row : option_table()) {
        std::string left = "  --" + std::string(row.name);
        if (!row.value.empty()) left += " " + std::string(row.value);
        left.resize(std::max<std::size_t>(left.size() + 2, 28), ' ');
        text += left + std::string(row.help) + "\n";
    }
    return text + std::string(ending);
}

}  // namespace simulator
