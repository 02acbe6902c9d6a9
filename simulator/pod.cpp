#include "simulator/pod.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace simulator {
namespace {

std::uint64_t seed_of(const Options& options) {
    // Siblings with the same --seed differ by their place.
    if (options.seed)
        return *options.seed + static_cast<std::uint64_t>(options.ordinal) * 0x9e3779b97f4a7c15u;
    return std::uint64_t{std::random_device{}()} << 32 | std::random_device{}();
}

// Never seeded: a path of one process must mean nothing to its siblings.
std::string process_token() {
    std::random_device device;
    char text[17];
    std::snprintf(text, sizeof text, "%08x%08x", device(), device());
    return text;
}

}  // namespace

Pod::Pod(Options given, TimePoint start, std::chrono::system_clock::time_point epoch)
    : options(std::move(given)),
      startup(plan_startup(options, start)),
      gpu(startup.model_at, options.lazy_model ? options.scaled(options.model_load) : Duration::zero()),
      faults(seed_of(options) + 1),
      service_time(options, seed_of(options) + 2),
      random(seed_of(options)),
      settings{{"sd_model_checkpoint", "v1-5-pruned-emaonly.safetensors [6ce0161689]"},
               {"sd_vae", "Automatic"},
               {"sd_checkpoint_hash", "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa"},
               {"samples_format", "png"},
               {"CLIP_stop_at_last_layers", 1},
               {"show_progressbar", true},
               {"live_previews_enable", true},
               {"live_preview_refresh_period", 1000}},
      temp_dir("/tmp/gradio-" + process_token()),
      start_(start),
      start_ms_(std::chrono::duration<double, std::milli>(epoch.time_since_epoch()).count()) {
    app_id_ = std::to_string(std::random_device{}());
    for (const Fault& fault : options.faults) faults.set(fault);
}

double Pod::epoch_ms(TimePoint at) const {
    return start_ms_ + std::chrono::duration<double, std::milli>(at - start_).count();
}

Reception Pod::receive() {
    const OverloadPolicy& policy = options.overload;
    const std::size_t others = gpu.running() + gpu.waiting();
    if (others == 0) return Reception::queue;
    switch (policy.mode) {
        case Overload::queue:
            return Reception::queue;
        case Overload::slow:
            return Reception::share;
        case Overload::error:
            return Reception::out_of_memory;
        case Overload::crash:
            return others + 1 >= static_cast<std::size_t>(policy.crash_at) ? Reception::crash
                                                                           : Reception::share;
        case Overload::mix: {
            const double drawn = share() * (policy.queue_share + policy.slow_share + policy.error_share);
            if (drawn < policy.queue_share) return Reception::queue;
            return drawn < policy.queue_share + policy.slow_share ? Reception::share
                                                                  : Reception::out_of_memory;
        }
    }
    return Reception::queue;
}

void Pod::saw_gpu() {
    stats.gpu_max = std::max(stats.gpu_max, gpu.running());
    stats.wait_max = std::max(stats.wait_max, gpu.waiting());
    stats.light_wait_max = std::max(stats.light_wait_max, gpu.light_waiting());
}

void Pod::ended(Run run) {
    constexpr std::size_t remembered = 16;  // modules/progress.py
    if (finished_.size() == remembered) finished_.pop_front();
    finished_.push_back(run.task);
    stats.busy_ms += std::chrono::duration<double, std::milli>(run.end - run.start).count();
    runs.add(std::move(run));
}

std::string Pod::next_task(std::string_view kind) {
    // modules/progress.py create_task_id: task(<kind>-<7 letters and digits>)
    static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    std::string task = "task(" + std::string(kind) + "-";
    std::uint64_t n = ++tasks_;
    for (int i = 0; i < 7; ++i, n /= letters.size()) task += letters[n % letters.size()];
    return task + ")";
}

void Pod::record(std::string task, std::string result) {
    constexpr std::size_t remembered = 2;  // modules/progress.py recorded_results_limit
    if (recorded_.size() == remembered) recorded_.pop_front();
    recorded_.emplace_back(std::move(task), std::move(result));
}

const std::string* Pod::recorded(std::string_view task) const {
    for (const auto& [its_task, result] : recorded_)
        if (its_task == task) return &result;
    return nullptr;
}

std::string Pod::new_login() {
    constexpr std::size_t most_logins = 1000;
    if (logins_.size() == most_logins) logins_.pop_front();
    return logins_.emplace_back(process_token());
}

bool Pod::knows_login(std::string_view token) const {
    return std::ranges::find(logins_, token) != logins_.end();
}

void Pod::keep_file(std::string name, std::string bytes) {
    constexpr std::size_t most_files = 64, most_bytes = 32u << 20;
    file_bytes_ += bytes.size();
    files_.push_back({std::move(name), std::move(bytes)});
    while (files_.size() > most_files || (file_bytes_ > most_bytes && files_.size() > 1)) {
        file_bytes_ -= files_.front().bytes.size();
        files_.pop_front();
    }
}

const std::string* Pod::file(std::string_view name) const {
    for (auto it = files_.rbegin(); it != files_.rend(); ++it)
        if (it->name == name) return &it->bytes;
    return nullptr;
}

void Pod::reset_stats() {
    stats = Stats{};
    stats.gpu_max = gpu.running();
    stats.wait_max = gpu.waiting();
    stats.light_wait_max = gpu.light_waiting();
    stats.http_max = in_flight;
    stats.ws_max = websockets;
    stats.sse_max = event_streams;
    runs.clear();
}

}  // namespace simulator
