#include "simulator/query.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace simulator {
namespace {

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned byte = 0;
        const char* digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

struct Authority {
    std::string whole, name;
    bool has_port = false;
};

Authority authority(std::string_view text) {
    Authority made;
    made.whole = text;
    std::ranges::transform(made.whole, made.whole.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto name_end = made.whole.starts_with('[') ? made.whole.find(']') : 0;
    const auto colon = made.whole.find(':', name_end == std::string::npos ? 0 : name_end);
    made.has_port = colon != std::string::npos;
    made.name = made.whole.substr(0, colon);
    if (made.name.starts_with('[')) made.name = made.name.substr(1, made.name.find(']') - 1);
    return made;
}

}  // namespace

std::string query_value(std::string_view query, std::string_view name) {
    const std::string key = std::string(name) + "=";
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        if (pair.starts_with(key)) return percent_decoded(pair.substr(key.size()));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
    }
    return {};
}

std::string_view after(std::string_view path, std::string_view word) {
    const auto at = path.find(word);
    return at == std::string_view::npos ? std::string_view{} : path.substr(at + word.size());
}

bool is_foreign_origin(std::string_view host, std::string_view origin) {
    if (host.empty() || origin.empty()) return false;
    const auto scheme = origin.find("://");
    if (scheme == std::string_view::npos) return false;
    std::string_view rest = origin.substr(scheme + 3);
    rest = rest.substr(0, rest.find('/'));
    const Authority from = authority(rest), to = authority(host);
    const bool loopback = to.name == "localhost" || to.name == "::1" || to.name.starts_with("127.");
    if (!loopback || from.whole.empty()) return false;
    return (from.has_port ? to.whole : to.name) != from.whole;
}

}  // namespace simulator
