#include "proxy/tracing/retry.hpp"

#include <boost/json.hpp>
#include <cstdlib>

namespace proxy {
namespace {

constexpr std::size_t longest_message = 200;

// JSON of Protobuf writes 64 bits as a text, and takes a number too.
std::uint64_t number_in(const boost::json::value& value) {
    if (value.is_string()) {
        const std::string text(value.get_string());
        return text.starts_with('-') ? 0 : std::strtoull(text.c_str(), nullptr, 10);
    }
    return value.is_int64() && value.get_int64() > 0 ? static_cast<std::uint64_t>(value.get_int64()) : 0;
}

// One line of a log, whatever the collector writes.
std::string readable(std::string_view text) {
    std::string out(text.substr(0, longest_message));
    for (auto& c : out)
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
    return out;
}

}  // namespace

PartialSuccess partial_success(const std::string& body) {
    PartialSuccess out;
    boost::system::error_code error;
    const auto answer = boost::json::parse(body, error);
    if (error || !answer.is_object()) return out;
    const auto* partial = answer.get_object().if_contains("partialSuccess");
    if (partial == nullptr || !partial->is_object()) return out;
    if (const auto* count = partial->get_object().if_contains("rejectedSpans"))
        out.rejected = number_in(*count);
    if (const auto* message = partial->get_object().if_contains("errorMessage");
        message && message->is_string())
        out.message = readable(message->get_string());
    return out;
}

}  // namespace proxy
