#include "proxy/tracing/exporter.hpp"

#include <fmt/format.h>

#include <boost/asio.hpp>
#include <fstream>
#include <random>
#include <thread>

#include "proxy/bounds/what_of.hpp"
#include "proxy/log.hpp"
#include "proxy/tracing/post.hpp"
#include "proxy/tracing/retry.hpp"
#include "proxy/tracing/spans.hpp"
#include "proxy/traffic/text.hpp"

namespace proxy {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t batch_spans = 1024;
constexpr std::chrono::minutes gives_up_after{5};  // with one batch; OpenTelemetry's exporters do likewise
constexpr std::chrono::seconds farewell{2};

// Read each time: a token may be renewed.
std::string value_of(const manifest::ExportHeader& header) {
    if (header.value_file.empty()) return header.value;
    std::ifstream file(header.value_file);
    std::string line;
    std::getline(file, line);
    std::erase_if(line, [](char c) { return c < ' ' && c != '\t'; });
    return line;
}

std::size_t spans_in(const std::vector<TraceRecord>& records) {
    std::size_t out = 0;
    for (const auto& one : records) out += one.spans();
    return out;
}

}  // namespace

class TraceExporter::Core {
public:
    Core(TraceQueue& queue, std::string version)
        : queue_(queue), resource_{"", hex(random64()), std::move(version)}, pause_(io_) {
        queue_.when_many(batch_spans, [this] { wake(); });
        asio::co_spawn(io_, run(), [](std::exception_ptr error) {
            if (error)
                log_of(LogOf::trace)
                    .error("no spans are exported any more, restart the gateway to have them again: {}",
                           what_of(error));
        });
        thread_ = std::thread([this] { io_.run(); });
    }
    ~Core() {
        stopping_ = true;
        queue_.when_many(0, nullptr);
        asio::post(io_, [this] { pause_.cancel(); });
        asio::post(io_,
                   [this] { last_ = std::make_unique<asio::steady_timer>(io_, farewell), end_at_last(); });
        thread_.join();
    }
    Core(const Core&) = delete;

    void use(manifest::Tracing settings) {
        asio::post(io_, [this, settings = std::move(settings)]() mutable {
            settings_ = std::move(settings);
            pause_.cancel();  // a back-off too: what was wrong may be right now
        });
    }

private:
    // Many spans do not wait for the end of the interval, but for the end of a back-off they do.
    void wake() {
        asio::post(io_, [this] {
            if (!backs_off_) pause_.cancel();
        });
    }

    asio::awaitable<void> run() {
        while (!stopping_) {
            co_await pause(settings_.interval);
            co_await send_all();
        }
        co_await send_all();
        io_.stop();
    }
    void end_at_last() {
        last_->async_wait([this](boost::system::error_code) { io_.stop(); });
    }

    asio::awaitable<void> send_all() {
        for (;;) {
            const auto batch = queue_.take(batch_spans);
            if (batch.empty() || settings_.collector.host.empty()) co_return;
            co_await send(batch);
        }
    }

    asio::awaitable<void> send(const std::vector<TraceRecord>& batch) {
        const auto count = spans_in(batch);
        const auto gives_up = SteadyClock::now() + gives_up_after;
        resource_.service_name = settings_.service_name;
        const auto body = export_request(resource_, batch);
        for (int tries = 0;; ++tries) {
            auto what = request(body);  // each time: the settings may have changed
            const auto answer = co_await post(what);
            switch (outcome_of(answer.status)) {
                case ExportOutcome::taken:
                    taken(partial_success(answer.body), count);
                    co_return;
                case ExportOutcome::refused:
                    ++queue_.failed;
                    queue_.refused += count;
                    tell(fmt::format(
                        "it answers {}: its spans are lost; look at spec.tracing and the collector's log",
                        answer.status));
                    co_return;
                case ExportOutcome::later:
                    break;
            }
            ++queue_.failed;
            tell(answer.status == 0 ? answer.error : fmt::format("it answers {}", answer.status));
            if (stopping_ || SteadyClock::now() > gives_up) {
                queue_.given_up += count;
                co_return;
            }
            backs_off_ = true;
            co_await pause(retry_after(answer.retry_after).value_or(back_off(tries, random_(generator_))));
            backs_off_ = false;
        }
    }

    void taken(const PartialSuccess& partly, std::uint64_t count) {
        const auto not_taken = std::min(partly.rejected, count);
        queue_.exported += count - not_taken;
        queue_.refused += not_taken;
        if (partly.message.empty() && not_taken == 0)
            tell_well();
        else
            tell(fmt::format("it takes them but for some ({} of the last {}): {}", not_taken, count,
                             partly.message.empty() ? "no reason given" : partly.message));
    }

    CollectorPost request(const std::string& body) const {
        CollectorPost out;
        out.to = settings_.collector;
        for (const auto& header : settings_.headers) out.headers.emplace_back(header.name, value_of(header));
        out.ca_file = settings_.ca_file;
        out.timeout = settings_.timeout;
        out.body = body;
        return out;
    }

    // Once for each kind of trouble, not for each batch.
    void tell(const std::string& trouble) {
        if (std::exchange(trouble_, trouble) == trouble) return;
        log_of(LogOf::trace)
            .warn("the collector {} does not take all spans, requests are served all the same: {}",
                  settings_.collector.url, trouble);
    }
    void tell_well() {
        if (std::exchange(trouble_, {}).empty()) return;
        log_of(LogOf::trace).info("the collector {} takes spans again", settings_.collector.url);
    }

    asio::awaitable<void> pause(std::chrono::milliseconds time) {
        if (stopping_) co_return;
        pause_.expires_after(time);
        co_await pause_.async_wait(asio::as_tuple(asio::use_awaitable));
    }

    TraceQueue& queue_;
    asio::io_context io_{1};
    manifest::Tracing settings_;
    TraceResource resource_;
    asio::steady_timer pause_;
    std::unique_ptr<asio::steady_timer> last_;
    std::string trouble_;
    bool backs_off_ = false;
    std::atomic<bool> stopping_{false};
    std::minstd_rand generator_{std::random_device{}()};
    std::uniform_real_distribution<double> random_{0, 1};
    std::thread thread_;
};

TraceExporter::TraceExporter(TraceQueue& queue, std::string version)
    : queue_(queue), version_(std::move(version)) {}

TraceExporter::~TraceExporter() = default;

void TraceExporter::use(const std::optional<manifest::Tracing>& settings) {
    queue_.bound(settings ? settings->queue : 0);
    if (!settings) return;  // what waits is sent yet
    if (!core_) core_ = std::make_unique<Core>(queue_, version_);
    core_->use(*settings);
}

}  // namespace proxy
