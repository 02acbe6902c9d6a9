#include "simulator/generation.hpp"

#include <algorithm>

#include "simulator/png.hpp"
#include "simulator/pod.hpp"

namespace simulator {

Work plan_work(Pod& pod, const Drawing& drawing) {
    double seconds = pod.service_time.draw();
    if (pod.options.per_pixel)
        seconds *=
            static_cast<double>(drawing.width) * drawing.height / 262144 * drawing.steps / 20 * drawing.count;
    const double decode = std::min(pod.options.decode, seconds / 2);
    Work work;
    work.sampling = pod.options.scaled(seconds - decode);
    work.decode = pod.options.scaled(decode);
    work.steps = drawing.steps;
    return work;
}

std::string draw(const Pod& pod, const Drawing& drawing, int index) {
    const std::int64_t seed = drawing.seed + index;
    const std::string text = drawing.prompt + "\nSteps: " + std::to_string(drawing.steps) +
                             ", Seed: " + std::to_string(seed) + ", Size: " + std::to_string(drawing.width) +
                             "x" + std::to_string(drawing.height) + ", Pod: " + pod.options.id;
    return make_png({drawing.width, drawing.height, drawing.prompt, static_cast<std::uint64_t>(seed),
                     pod.options.png_bytes.value_or(0), text});
}

Drawing settled(Pod& pod, Drawing drawing) {
    if (drawing.seed < 0) drawing.seed = static_cast<std::int64_t>(pod.random() >> 32);
    drawing.width = std::clamp(drawing.width, 8, 4096);
    drawing.height = std::clamp(drawing.height, 8, 4096);
    drawing.steps = std::clamp(drawing.steps, 1, 1000);
    drawing.count = std::clamp(drawing.count, 1, 8);
    return drawing;
}

std::string random_id(Pod& pod, std::size_t length) {
    static constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string id;
    while (id.size() < length) id += letters[pod.random() % letters.size()];
    return id;
}

std::string random_uuid(Pod& pod) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string id = "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx";
    for (char& c : id)
        if (c == 'x') c = digits[pod.random() % digits.size()];
    return id;
}

}  // namespace simulator
