#include "proxy/traffic/json_peek.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <utility>

namespace proxy {
namespace {

namespace json = boost::json;
using boost::system::error_code;

constexpr std::size_t nowhere = JsonPeek::names.size();
constexpr std::size_t data0 = JsonPeek::names.size() - 1;
constexpr std::size_t longest_key = 16;

json::parse_options peek_options() {
    json::parse_options options;
    options.max_depth = JsonPeek::depth;
    options.allow_invalid_utf8 = true;
    return options;
}

// What boost::json tells while it reads. It goes on as long as these return true.
class PeekHandler {
public:
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = max_object_size, max_key_size = max_object_size,
                                 max_string_size = max_object_size;

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) { return open(false); }
    bool on_object_end(std::size_t, error_code&) { return close(); }
    bool on_array_begin(error_code&) { return open(true); }
    bool on_array_end(std::size_t, error_code&) { return close(); }
    bool on_key_part(json::string_view part, std::size_t, error_code&) { return key(part); }
    bool on_key(json::string_view part, std::size_t, error_code&) {
        key(part);
        key_ends_ = true;
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, error_code&) { return text(part); }
    bool on_string(json::string_view part, std::size_t, error_code&) {
        text(part);
        in_text_ = false;
        keep(place_, text_);
        return true;
    }
    bool on_number_part(json::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t, json::string_view, error_code&) { return other(); }
    bool on_uint64(std::uint64_t, json::string_view, error_code&) { return other(); }
    bool on_double(double, json::string_view, error_code&) { return other(); }
    bool on_bool(bool, error_code&) { return other(); }
    bool on_null(error_code&) { return other(); }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }

    std::optional<std::string_view> find(std::string_view name) const {
        const auto at =
            static_cast<std::size_t>(std::ranges::find(JsonPeek::names, name) - JsonPeek::names.begin());
        if (at == nowhere || !values_[at]) return std::nullopt;
        return std::string_view(*values_[at]);
    }

    bool data_is_empty() const { return data_is_empty_; }

private:
    // A value begins; the place where it is kept if it is a text.
    std::size_t place() {
        if (depth_ == 1) {
            const auto found =
                std::ranges::find(JsonPeek::names.begin(), JsonPeek::names.begin() + data0, key_);
            const auto at = static_cast<std::size_t>(found - JsonPeek::names.begin());
            return at == data0 ? nowhere : at;
        }
        return depth_ == 2 && in_data_ && elements_++ == 0 ? data0 : nowhere;
    }

    // A value replaces what the same name had before.
    void keep(std::size_t at, std::optional<std::string> value) {
        if (depth_ == 1 && key_ == "data") values_[data0].reset();
        if (at != nowhere) values_[at] = std::move(value);
    }

    bool open(bool array) {
        keep(place(), std::nullopt);
        if (++depth_ == 2) in_data_ = array && key_ == "data", elements_ = 0;
        return true;
    }
    bool close() {
        if (--depth_ == 1 && std::exchange(in_data_, false)) data_is_empty_ = elements_ == 0;
        return true;
    }
    bool other() {
        keep(place(), std::nullopt);
        return true;
    }
    bool key(json::string_view part) {
        if (depth_ != 1) return true;
        if (key_ends_) key_.clear(), key_ends_ = false;
        key_.append(part.data(), std::min(part.size(), longest_key - std::min(key_.size(), longest_key)));
        return true;
    }
    // A text counts when it has ended: what breaks off in its middle is not known.
    bool text(json::string_view part) {
        if (!in_text_) in_text_ = true, place_ = place(), text_.clear();
        if (place_ != nowhere)
            text_.append(part.data(), std::min(part.size(), JsonPeek::kept - text_.size()));
        return true;
    }

    std::array<std::optional<std::string>, JsonPeek::names.size()> values_;
    std::string key_, text_;
    bool key_ends_ = true;  // the next part begins another key
    bool in_text_ = false;
    bool in_data_ = false;
    std::size_t place_ = nowhere;
    bool data_is_empty_ = false;
    std::size_t elements_ = 0;
    std::size_t depth_ = 0;
};

}  // namespace

struct JsonPeek::Parser {
    json::basic_parser<PeekHandler> parser{peek_options()};
    bool over = false;
};

JsonPeek::JsonPeek() : parser_(std::make_unique<Parser>()) {}
JsonPeek::~JsonPeek() = default;
JsonPeek::JsonPeek(JsonPeek&&) noexcept = default;
JsonPeek& JsonPeek::operator=(JsonPeek&&) noexcept = default;

bool JsonPeek::feed(std::string_view octets) {
    auto& [parser, over] = *parser_;
    if (over || octets.empty()) return !over;
    error_code error;
    parser.write_some(true, octets.data(), octets.size(), error);
    over = error.failed() || parser.done();
    return !over;
}

bool JsonPeek::ended() const {
    return parser_->parser.done();
}

std::optional<std::string_view> JsonPeek::find(std::string_view name) const {
    return parser_->parser.handler().find(name);
}

bool JsonPeek::data_is_empty() const {
    return parser_->parser.handler().data_is_empty();
}

}  // namespace proxy
