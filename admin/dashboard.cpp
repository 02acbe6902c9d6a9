#include "admin/dashboard.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fstream>
#include <iterator>
#include <map>

#include "proxy/log.hpp"

namespace admin {
namespace {

constexpr std::uintmax_t longest_file = 64 << 20;  // more than most_services need

// Everything comes from this address, nothing is inline, nobody frames it.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

Answer json_text(std::string body) {
    return {200, "application/json", std::move(body)};
}

}  // namespace

Dashboard::Dashboard(const proxy::Generations* generations, std::filesystem::path file)
    : generations_(generations), file_(std::move(file)) {}

Dashboard::~Dashboard() {
    if (saver_.joinable()) saver_.join();
}

void Dashboard::take(const Snapshot& snapshot, WallTime now) {
    lanes_.take(snapshot, now);
    if (!history_.take(snapshot, now)) return;
    ++frame_number_;
    frame_time_ = now;
    frame_ = nullptr;
    told_ = tells_;
    tells_.generation = generations_ != nullptr ? generations_->last() : 0;
    tells_.event = snapshot.events.empty() ? 0 : snapshot.events.back().number;
    tells_.lanes = now;
    const auto minute = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count());
    if (saved_minute_ != 0 && minute != saved_minute_) save();
    saved_minute_ = minute;
}

std::shared_ptr<const std::string> Dashboard::frame(const Snapshot& snapshot) {
    if (frame_) return frame_;
    const auto text = frame_text({snapshot, history_, lanes_}, frame_number_, frame_time_, told_, tells_,
                                 generations(told_.generation));
    frame_ = std::make_shared<const std::string>("data: " + text + "\n\n");
    return frame_;
}

// --- questions

std::optional<std::variant<Answer, FrameStream>> Dashboard::answer(const Request& request,
                                                                   const Snapshot& snapshot) const {
    if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
    const auto url = boost::urls::parse_origin_form(request.target);
    if (url.has_error()) return std::nullopt;
    const std::string path(url->encoded_path());
    for (const auto& asset : assets()) {
        if (asset.path != path) continue;
        Answer out{200, std::string(asset.content_type), std::string(asset.content)};
        out.policy = page_policy;
        return out;
    }
    if (path == "/dashboard/stream") return FrameStream{};
    if (path == "/dashboard/timeline")
        return json_text(timeline_text({snapshot, history_, lanes_}, generations(0)));
    if (path != "/dashboard/history") return std::nullopt;
    std::map<std::string, std::string, std::less<>> asked;
    for (const auto& one : url->params()) asked.emplace(one.key, one.value);
    return history_of(asked["service"], asked["span"] == "day");
}

std::vector<proxy::Generation> Dashboard::generations(std::uint64_t after) const {
    return generations_ != nullptr ? generations_->since(after) : std::vector<proxy::Generation>();
}

Answer Dashboard::history_of(std::string_view service, bool day) const {
    const auto* series = history_.find(service);
    if (series == nullptr)
        return refuse(404, "NotFound", "no history of such a service; service=NAMESPACE/NAME");
    return json_text(history_text(service, *series, day));
}

// --- over a restart

void Dashboard::load(WallTime now) {
    if (file_.empty()) return;
    std::error_code error;
    const auto size = std::filesystem::file_size(file_, error);
    if (error) return;  // the first start
    std::string text;
    if (size <= longest_file) {
        std::ifstream in(file_, std::ios::binary);
        text.assign(std::istreambuf_iterator<char>(in), {});
    }
    if (!history_.restore(text, now))
        log_of(proxy::LogOf::admin)
            .warn(
                "the dashboard's history in {} is damaged or of another version: it begins anew, nothing "
                "else is touched",
                file_.string());
}

// Written beside and moved into place, so that half a history is never read. Losing a minute of it costs
// nothing but the minute: it is not forced to the disk.
void Dashboard::save() {
    if (file_.empty()) return;
    if (saver_.joinable()) saver_.join();  // long over: a minute has passed
    saver_ = std::thread([file = file_, text = history_.text()] {
        auto draft = file;
        draft += "~";
        std::error_code error;
        {
            std::ofstream out(draft, std::ios::binary | std::ios::trunc);
            out << text;
            if (!out.flush()) {
                log_of(proxy::LogOf::admin)
                    .warn(
                        "the dashboard's history cannot be written to {} and will be missing after a "
                        "restart: make room there, or let the gateway write",
                        file.string());
                std::filesystem::remove(draft, error);
                return;
            }
        }
        std::filesystem::rename(draft, file, error);
        if (error)
            log_of(proxy::LogOf::admin)
                .warn("the dashboard's history cannot be moved to {} and will be missing after a restart: {}",
                      file.string(), error.message());
    });
}

}  // namespace admin
