#include "simulator/stats.hpp"

namespace simulator {

void Stats::count(std::map<std::string, std::uint64_t, std::less<>>& counts, std::string_view name) {
    constexpr std::size_t most_names = 256, longest_name = 200;
    name = name.substr(0, longest_name);
    auto it = counts.find(name);
    if (it == counts.end()) it = counts.emplace(counts.size() < most_names ? name : "(others)", 0).first;
    ++it->second;
}

void Stats::saw_cookies(std::string_view header) {
    while (!header.empty()) {
        const auto end = header.find(';');
        std::string_view pair = header.substr(0, end);
        header = end == std::string_view::npos ? std::string_view{} : header.substr(end + 1);
        const auto from = pair.find_first_not_of(' ');
        if (from == std::string_view::npos) continue;
        pair.remove_prefix(from);
        count(cookies_seen, pair.substr(0, pair.find('=')));
    }
}

}  // namespace simulator
