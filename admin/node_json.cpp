#include "admin/node_json.hpp"

#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>

namespace admin {
namespace {

namespace json = boost::json;

template <class Number>
std::optional<Number> whole(std::string_view text) {
    Number out{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

json::value plain(const std::string& text) {
    if (text == "true" || text == "false") return text == "true";
    if (text == "null" || text == "~" || text.empty()) return nullptr;
    if (text.find_first_not_of("0123456789+-.eE") != std::string::npos) return json::string(text);
    if (const auto number = whole<std::int64_t>(text)) return *number;
    if (const auto number = whole<double>(text); number && std::isfinite(*number)) return *number;
    return json::string(text);
}

}  // namespace

json::value to_json(const manifest::Node& node) {
    using Kind = manifest::Node::Kind;
    switch (node.kind) {
        case Kind::null:
            return nullptr;
        case Kind::scalar:
            return node.plain ? plain(node.text) : json::value(json::string(node.text));
        case Kind::list: {
            json::array out;
            for (const auto& item : node.items) out.push_back(to_json(*item));
            return out;
        }
        case Kind::map:
            break;
    }
    json::object out;
    for (const auto& entry : node.entries)
        out[entry.key] = entry.value ? to_json(*entry.value) : json::value();
    return out;
}

std::optional<json::value> read_document(std::string_view text, std::string& wrong) {
    json::error_code error;
    json::parse_options options;
    options.max_depth = manifest::yaml_limits::depth;
    auto value = json::parse({text.data(), text.size()}, error, {}, options);
    if (!error) return value;
    const bool looks_like_json = text.find_first_not_of(" \t\r\n") != std::string_view::npos &&
                                 text[text.find_first_not_of(" \t\r\n")] == '{';
    if (looks_like_json) {
        wrong = "the body is not JSON: " + error.message();
        return std::nullopt;
    }
    manifest::Problems problems;
    const auto documents = manifest::parse_yaml("the body", text, problems);
    if (problems.failed()) {
        wrong = manifest::to_string(problems.all().front());
        return std::nullopt;
    }
    if (documents.size() != 1) {
        wrong = "the body is not one object";
        return std::nullopt;
    }
    return to_json(*documents.front());
}

}  // namespace admin
