#include "simulator/sse.hpp"

namespace simulator {

std::string sse_event(std::string_view data, std::string_view name) {
    std::string text;
    if (!name.empty()) text += "event: " + std::string(name) + "\n";
    while (true) {
        const auto end = data.find('\n');
        text += "data: " + std::string(data.substr(0, end)) + "\n";
        if (end == std::string_view::npos) break;
        data.remove_prefix(end + 1);
    }
    return text + "\n";
}

}  // namespace simulator
