#include "proxy/access_log.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proxy/traffic/text.hpp"

namespace proxy {
namespace {

double seconds(pods::Duration d) {
    return std::chrono::duration<double>(d).count();
}

// Why it is not the pod's own answer, whole, in one word.
std::string_view reason(const RequestRecord& r) {
    if (r.refusal) return describe(*r.refusal).label;
    return r.waiting_page ? "waiting_page" : "";
}

std::string capped(std::string_view text) {
    return json_escape(text.substr(0, 512));
}

}  // namespace

std::string json_line(const RequestRecord& r) {
    return fmt::format(
        R"({{"time":"{}","requestId":"{}","client":"{}","protocol":"{}","method":"{}","host":"{}","target":"{}","service":"{}",)"
        R"("class":"{}","status":{},"pod":"{}","reason":"{}","bytesIn":{},"bytesOut":{},"queue":{:.6f},"cold":{:.6f},)"
        R"("podTime":{:.6f},"total":{:.6f},"retries":{}{}{}{}{}{}{}}})",
        rfc3339_now(), capped(r.request_id), r.client, r.protocol, capped(r.method), capped(r.host),
        capped(r.target), capped(r.service), r.request_class, r.status, capped(r.pod), reason(r), r.bytes_in,
        r.bytes_out, seconds(r.queue), seconds(r.cold), seconds(r.pod_time), seconds(r.total), r.retries,
        r.key.empty() ? "" : R"(,"key":")", r.key, r.key.empty() ? "" : "\"",
        r.trace_id.empty() ? "" : R"(,"traceId":")", r.trace_id, r.trace_id.empty() ? "" : "\"");
}

std::string text_line(const RequestRecord& r) {
    return fmt::format("{} {} {} {}{} {:.3f}s (cold {:.3f} queue {:.3f} pod {:.3f}) {}{}{}", r.status,
                       r.request_class, capped(r.method), capped(r.host), capped(r.target), seconds(r.total),
                       seconds(r.cold), seconds(r.queue), seconds(r.pod_time), r.pod,
                       reason(r).empty() ? "" : " ", reason(r));
}

Generation generation(const RequestRecord& r) {
    const auto in_seconds = [](pods::Duration d) { return static_cast<float>(seconds(d)); };
    Generation out;
    out.request_id = r.request_id;
    out.client = r.client;
    out.service = r.service;
    out.pod = r.pod;
    out.reason = reason(r);
    out.request_class = r.request_class;
    out.status = r.status;
    out.ended = std::chrono::system_clock::now();
    out.queue = in_seconds(r.queue);
    out.cold = in_seconds(r.cold);
    out.pod_time = in_seconds(r.pod_time);
    out.total = in_seconds(r.total);
    return out;
}

void AccessLog::write(const RequestRecord& record) {
    if (logger_) logger_->info(json_ ? json_line(record) : text_line(record));
}

}  // namespace proxy
