#include "proxy/traffic/gradio_messages.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <utility>

#include "proxy/traffic/refusal.hpp"

namespace proxy {
namespace {

using boost::json::error_code;

constexpr std::size_t longest_value = 128;  // of the strings that we keep
constexpr std::size_t deepest = 100;        // objects and arrays in one another
constexpr std::size_t close_reason_limit = 123;

constexpr std::array<std::pair<std::string_view, GradioKind>, 7> kinds{
    {{"send_hash", GradioKind::send_hash},
     {"send_data", GradioKind::send_data},
     {"estimation", GradioKind::estimation},
     {"process_starts", GradioKind::process_starts},
     {"progress", GradioKind::progress},
     {"process_generating", GradioKind::process_generating},
     {"process_completed", GradioKind::process_completed}}};

// A string that is worth nothing once it has grown too long.
struct Text {
    void add(std::string_view part) {
        too_long = too_long || value.size() + part.size() > longest_value;
        if (!too_long) value += part;
    }
    std::string take() {
        auto taken = too_long ? std::string() : std::move(value);
        *this = Text{};
        return taken;
    }
    std::string value;
    bool too_long = false;
};

// What boost::json::basic_parser calls, in the message's order.
class Handler {
public:
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) { return begin(false); }
    bool on_object_end(std::size_t, error_code&) { return end(); }
    bool on_array_begin(error_code&) { return begin(true); }
    bool on_array_end(std::size_t, error_code&) { return end(); }
    bool on_key_part(std::string_view part, std::size_t, error_code&) {
        if (depth_ == 1) text_.add(part);
        return true;
    }
    bool on_key(std::string_view part, std::size_t, error_code& error) {
        if (depth_ != 1) return true;
        text_.add(part);
        key_ = text_.take();
        const bool twice = (key_ == "data" && std::exchange(seen_data_, true)) ||
                           (key_ == "session_hash" && std::exchange(seen_hash_, true)) ||
                           (key_ == "msg" && std::exchange(seen_msg_, true));
        if (twice) error = boost::json::error::extra_data;
        return !twice;
    }
    bool on_string_part(std::string_view part, std::size_t, error_code&) {
        if (wanted()) text_.add(part);
        return true;
    }
    bool on_string(std::string_view part, std::size_t, error_code& error) {
        if (!wanted()) return scalar(error);
        text_.add(part);
        auto value = text_.take();
        if (depth_ == 2)
            first_data = std::move(value);
        else if (key_ == "msg")
            msg = std::move(value);
        else
            session_hash = std::move(value);
        return scalar(error);
    }
    bool on_number_part(std::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t, std::string_view, error_code& error) { return scalar(error); }
    bool on_uint64(std::uint64_t, std::string_view, error_code& error) { return scalar(error); }
    bool on_double(double, std::string_view, error_code& error) { return scalar(error); }
    bool on_bool(bool, error_code& error) { return scalar(error); }
    bool on_null(error_code& error) { return scalar(error); }
    bool on_comment_part(std::string_view, error_code&) { return true; }
    bool on_comment(std::string_view, error_code&) { return true; }

    std::string msg, session_hash, first_data;
    std::size_t data_size = 0;

private:
    // A string at this place is one that we keep.
    bool wanted() const {
        if (depth_ == 1) return key_ == "msg" || key_ == "session_hash";
        return depth_ == 2 && in_data_ && values_ == 0;
    }
    void count() {
        if (depth_ == 2) ++values_;
        if (depth_ == 2 && in_data_) data_size = values_;
    }
    bool begin(bool array) {
        count();
        if (depth_ == 1) in_data_ = array && key_ == "data", values_ = 0;
        ++depth_;
        return true;
    }
    bool end() {
        if (--depth_ == 1) in_data_ = false;
        return true;
    }
    bool scalar(error_code& error) {
        count();
        if (depth_ == 0) error = boost::json::error::syntax;  // a message is an object
        return depth_ > 0;
    }

    Text text_;
    std::string key_;  // at the top level
    std::size_t depth_ = 0;
    std::size_t values_ = 0;  // begun so far in the top level's member
    bool in_data_ = false, seen_data_ = false, seen_hash_ = false, seen_msg_ = false;
};

boost::json::parse_options options() {
    boost::json::parse_options chosen;
    chosen.max_depth = deepest;
    return chosen;
}

bool is_plain(std::string_view text) {
    for (const char c : text)
        if (c < '!' || c > '~') return false;
    return !text.empty();
}

}  // namespace

struct GradioReader::Parser {
    boost::json::basic_parser<Handler> json{options()};
    bool broken = false, began = false;
};

GradioReader::GradioReader() : parser_(std::make_unique<Parser>()) {}
GradioReader::~GradioReader() = default;
GradioReader::GradioReader(GradioReader&&) noexcept = default;
GradioReader& GradioReader::operator=(GradioReader&&) noexcept = default;

bool GradioReader::feed(std::string_view octets) {
    auto& p = *parser_;
    if (p.broken || octets.empty()) return !p.broken;
    if (!p.began) {  // an array would be well-formed, but none of ours
        octets.remove_prefix(std::min(octets.find_first_not_of(" \t\r\n"), octets.size()));
        if (octets.empty()) return true;
        p.began = true;
        p.broken = octets.front() != '{';
    }
    if (p.broken) return false;
    error_code error;
    const auto used = p.json.write_some(true, octets.data(), octets.size(), error);
    if (!error && octets.find_first_not_of(" \t\r\n", used) != std::string_view::npos)
        error = boost::json::error::extra_data;
    p.broken = error.failed();
    return !p.broken;
}

bool GradioReader::finish() {
    auto& p = *parser_;
    if (p.broken) return false;
    error_code error;
    if (!p.json.done()) p.json.write_some(false, "", 0, error);
    p.broken = error.failed() || !p.began;
    return !p.broken;
}

GradioKind GradioReader::kind() const {
    for (const auto& [name, kind] : kinds)
        if (parser_->json.handler().msg == name) return kind;
    return GradioKind::other;
}

std::string_view GradioReader::session_hash() const {
    const std::string& hash = parser_->json.handler().session_hash;
    return is_plain(hash) ? std::string_view(hash) : std::string_view();
}

std::string_view GradioReader::first_data() const {
    return parser_->json.handler().first_data;
}

std::size_t GradioReader::data_size() const {
    return parser_->json.handler().data_size;
}

bool is_gradio_gpu_task(std::string_view first_data, std::size_t data_size) {
    return data_size > 1 && first_data.starts_with("task(");
}

std::string gradio_request_message(std::string_view msg) {
    return fmt::format(R"({{"msg":"{}"}})", msg);
}

std::string gradio_estimation(std::size_t rank, std::size_t queue_size, std::optional<double> eta_seconds) {
    const auto eta = eta_seconds ? fmt::format("{:.1f}", *eta_seconds) : std::string("null");
    return fmt::format(R"({{"msg":"estimation","rank":{},"queue_size":{},"rank_eta":{}}})", rank, queue_size,
                       eta);
}

std::string gradio_failure(std::string_view why) {
    return fmt::format(R"({{"msg":"process_completed","output":{{"error":"{}"}},"success":false}})",
                       json_escape(why));
}

std::string_view close_reason_text(std::string_view text) {
    if (text.size() <= close_reason_limit) return text;
    auto length = close_reason_limit;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
    return text.substr(0, length);
}

}  // namespace proxy
