#include "cli/serve.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <thread>

#include "admin/server.hpp"
#include "cli/load.hpp"
#include "cli/logging.hpp"
#include "cli/options.hpp"
#include "cli/state.hpp"
#include "pods/make_driver.hpp"
#include "proxy/bounds/descriptors.hpp"
#include "proxy/bounds/memory_used.hpp"
#include "proxy/bounds/reserve.hpp"
#include "proxy/control/doors.hpp"
#include "proxy/control/listener.hpp"
#include "proxy/control/loop.hpp"
#include "proxy/control/watch.hpp"
#include "proxy/log.hpp"
#include "proxy/tracing/exporter.hpp"

namespace cli {
namespace {

namespace asio = boost::asio;

// A client's connection is one descriptor, and its request may need a second one towards a pod; some are for
// ourselves.
std::size_t connection_limit(const manifest::Limits& limits) {
    const auto plan = proxy::plan_descriptors(proxy::raise_descriptor_limit(), limits.connections);
    if (const auto words = proxy::describe(plan, limits.connections); !words.empty())
        spdlog::warn("{}", words);
    proxy::descriptors().set_plan(plan);
    return plan.connections;
}

// The whole gateway: one control thread (the caller's) and its workers.
class Gateway {
public:
    Gateway(ServeOptions options, manifest::Configuration configuration)
        : options_(std::move(options)),
          configuration_(std::move(configuration)),
          state_dir_(state_directory(configuration_.gateway)),
          state_lock_(lock_state(state_dir_)),
          shared_{cookie_key(configuration_.gateway, state_dir_), access_log_},
          driver_(pods::make_driver(control_, configuration_.gateway.driver, state_dir_)),
          loop_(control_, *driver_, shared_.cookie_key, spool_directory(state_dir_),
                proxy::Memory(state_dir_ / "learnt")),
          connection_limit_(connection_limit(configuration_.gateway.limits)),
          watch_(control_, shared_.bounds, what_to_watch()),
          doors_(control_),
          signals_(control_) {
        access_log_ = make_access_log(configuration_.gateway.log);
        traces_.use(configuration_.gateway.tracing);
        loop_.configure(configuration_);
        make_workers();
        if (const auto wrong = doors_.make(configuration_.gateway)) throw std::runtime_error(wrong->sentence);
        for (const auto& at : configuration_.gateway.listeners)
            listeners_.push_back(std::make_unique<proxy::Listener>(control_, at, doors_.of(at), workers_,
                                                                   shared_, connection_limit_));
        listens_at_ = configuration_.gateway.listeners;
        make_admin();
    }

    void run() {
        std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is one request's trouble
        std::signal(SIGPIPE, SIG_IGN);  // whoever read our log has gone: its lines are lost, no more
        for (auto& worker : workers_) worker->start();
        for (auto& listener : listeners_) listener->start();
        admin_->start();
        loop_.set_serving(true);
        loop_.start();
        watch_.start();
        doors_.watch([this](const auto& wrong) { use_doors(wrong); });
        asio::co_spawn(control_, handle_signals(), asio::detached);
        announce();
        while (!done_) try {
                control_.run_one();
            } catch (const std::exception& error) {  // no more than what it was about is lost
                spdlog::error("control: {}", error.what());
            }
        control_.poll();  // what was just cancelled ends; the driver watches on until it is destroyed
        for (auto& worker : workers_) worker->join();
    }

private:
    void make_workers() {
        const auto wanted = configuration_.gateway.workers;
        // Half the cores: pods need them too, and a slot that passes between threads costs a wake-up
        // (bench/dispatch_gap).
        const auto halved = std::max(1u, std::thread::hardware_concurrency() / 2);
        const auto count = wanted > 0 ? static_cast<unsigned>(wanted) : halved;
        for (unsigned i = 0; i < count; ++i)
            workers_.push_back(std::make_unique<proxy::Worker>(shared_, loop_.routes()));
    }

    void make_admin() {
        const auto& at = configuration_.gateway.admin;
        admin::Source source;
        source.snapshot = [this] { return loop_.snapshot(); };
        source.generations = &shared_.generations;
        admin::Settings settings;
        settings.history = state_dir_ / "history";
        admin_ = std::make_unique<admin::Server>(
            control_, asio::ip::tcp::endpoint(asio::ip::make_address(at.address), at.port), std::move(source),
            std::move(settings));
        loop_.count([this](proxy::Snapshot& snapshot) {
            snapshot.connections = shared_.connections;
            snapshot.requests = shared_.requests;
            shared_.bounds.log_lines_lost = lost_log_lines();
            snapshot.bounds = view_of(shared_.bounds, watch_.last_seen());
            snapshot.certificate_expires = doors_.valid_until();
            snapshot.tls_handshakes = shared_.door.handshakes;
            snapshot.tls_resumed = shared_.door.resumed;
            snapshot.tls_failures = shared_.door.handshake_failures;
            snapshot.proxy_headers_refused = shared_.door.proxy_headers_refused;
            snapshot.errands = shared_.errands;
            const auto& traces = shared_.traces;
            snapshot.spans = {traces.exported, traces.dropped, traces.refused, traces.given_up};
        });
        loop_.on_published([this] { admin_->published(); });
    }

    proxy::Watch::Asks what_to_watch() {
        const auto limits = [this]() -> const manifest::Limits& { return configuration_.gateway.limits; };
        return {[this, limits] {
                    constexpr std::uint64_t connection = 8 << 10, request = 16 << 10;  // bench/hold
                    const auto all = shared_.connections.load();
                    return proxy::LoadSeen{
                        loop_.spool_memory() + all * connection + shared_.requests.load() * request,
                        proxy::memory_limit(limits().memory), all, connection_limit_};
                },
                [this](std::size_t each) {
                    for (auto& worker : workers_) worker->shed_idle(each);
                },
                [this] { return loop_.shed_queue(); },
                [this](proxy::Load load, const std::string& why) {
                    const bool well = load == proxy::Load::normal;
                    spdlog::log(well ? spdlog::level::info : spdlog::level::warn, "load: {} ({})",
                                proxy::name_of(load), why);
                    if (well)
                        loop_.events().normal("", "Gateway", "pilotlight", "LoadNormal", why);
                    else
                        loop_.events().warning("", "Gateway", "pilotlight", "Overload",
                                               fmt::format("{}: {}", proxy::name_of(load), why));
                }};
    }

    void announce() {
        for (std::size_t i = 0; i < listeners_.size(); ++i) {
            const auto endpoint = listeners_[i]->endpoint();
            spdlog::info("serving on {}:{}{}", endpoint.address().to_string(), endpoint.port(),
                         listens_at_[i].tls ? " (TLS)" : "");
        }
        proxy::log_of(proxy::LogOf::admin)
            .info("admin on http://{}:{}", configuration_.gateway.admin.address, admin_->port());
        for (const auto& service : configuration_.services)
            spdlog::info("{}/{} is at {}://{}.{}.{}:{}/", service.name_space, service.name,
                         !listens_at_.empty() && listens_at_.front().tls ? "https" : "http", service.name,
                         service.name_space,
                         configuration_.gateway.domains.empty() ? "?" : configuration_.gateway.domains.back(),
                         listeners_.empty() ? 0 : listeners_.front()->endpoint().port());
    }

    asio::awaitable<void> handle_signals() {
        signals_.add(SIGTERM);
        signals_.add(SIGINT);
        signals_.add(SIGHUP);
        for (bool draining = false;;) {
            const auto [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
            if (error) co_return;
            if (signal == SIGHUP) {
                if (!draining) reload();
            } else if (!draining) {
                draining = true;
                asio::co_spawn(control_, shut_down(), asio::detached);
            } else {
                spdlog::warn("told to stop again: stopping at once");
                at_once_ = true;
            }
        }
    }

    // Who listens now lets in whoever comes from now on by the new doors.
    void use_doors(const std::optional<proxy::Wrong>& wrong) {
        if (wrong) {
            proxy::log_of(proxy::LogOf::tls)
                .error("a changed certificate is not used, the one before stays in force: {}",
                       wrong->sentence);
            return loop_.events().warning("", "Gateway", "pilotlight", "CertificateRefused", wrong->sentence);
        }
        for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->use(doors_.of(listens_at_[i]));
        say(proxy::look_at_certificates(configuration_.gateway, std::time(nullptr)));
        loop_.events().normal("", "Gateway", "pilotlight", "CertificatesReloaded",
                              "Certificates have changed and are in force for new connections");
    }

    static void say(const std::vector<manifest::Problem>& problems) {
        for (const auto& problem : problems)
            proxy::log_of(proxy::LogOf::config)
                .log(problem.warning ? spdlog::level::warn : spdlog::level::err, "{}",
                     manifest::to_string(problem));
    }

    // All or nothing: what is wrong is said, and the configuration in force stays.
    void reload() {
        auto loaded = load_all(options_.files);
        say(loaded.problems);
        if (loaded.configuration) apply(*loaded.configuration, options_);
        bool good = loaded.configuration.has_value();
        if (good) {
            const auto wrong = doors_.make(loaded.configuration->gateway);
            if (wrong) proxy::log_of(proxy::LogOf::config).error("{}", wrong->sentence);
            good = !wrong;
        }
        if (!good) {
            loop_.events().warning("", "Gateway", "pilotlight", "ReloadRefused",
                                   "The manifests have errors; the configuration in force stays");
            return;
        }
        for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->use(doors_.of(listens_at_[i]));
        const auto same_address = [](const manifest::Listener& a, const manifest::Listener& b) {
            return a.address == b.address && a.port == b.port;
        };
        if (!std::ranges::equal(loaded.configuration->gateway.listeners, listens_at_, same_address) ||
            !(loaded.configuration->gateway.admin == configuration_.gateway.admin) ||
            !(loaded.configuration->gateway.driver == configuration_.gateway.driver))
            proxy::log_of(proxy::LogOf::config)
                .warn(
                    "the addresses of listeners, the admin address and the driver change only with a "
                    "restart; "
                    "the "
                    "rest is in force");
        configuration_ = std::move(*loaded.configuration);
        set_log_level(configuration_.gateway.log);
        traces_.use(configuration_.gateway.tracing);
        loop_.configure(configuration_);
        for (auto& worker : workers_) worker->use(loop_.routes());
        loop_.events().normal("", "Gateway", "pilotlight", "Reloaded", "The new configuration is in force");
    }

    // No new connections, no new requests, nobody left waiting; what runs ends, then the pods, then we.
    asio::awaitable<void> shut_down() {
        using namespace std::chrono_literals;
        spdlog::info("shutting down; requests to finish: {}", under_way());
        for (auto& listener : listeners_) listener->stop();
        loop_.drain();
        for (auto& worker : workers_) worker->drain();
        const auto deadline = pods::Clock::now() + configuration_.gateway.timeouts.drain;
        while (under_way() > 0 && !at_once_ && pods::Clock::now() < deadline) co_await pause(20ms);
        if (under_way() > 0) spdlog::warn("requests cut off: {}", under_way());
        for (auto& worker : workers_) worker->stop();
        loop_.stop_pods(at_once_);
        const auto pods_deadline = pods::Clock::now() + 3600s;
        for (bool killed = at_once_; !loop_.pods_gone() && pods::Clock::now() < pods_deadline;) {
            if (at_once_ && !killed) loop_.stop_pods(killed = true);
            co_await pause(20ms);
        }
        loop_.stop();
        watch_.stop();
        doors_.stop();
        admin_->stop();
        signals_.cancel();
        spdlog::info("stopped");
        done_ = true;
    }

    // A request whose client has left is still an errand, and one whose pod is done may still be delivered.
    std::size_t under_way() const { return std::max(shared_.requests.load(), shared_.errands.load()); }

    asio::awaitable<void> pause(std::chrono::milliseconds time) {
        asio::steady_timer timer(control_, time);
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }

    ServeOptions options_;
    manifest::Configuration configuration_;
    std::filesystem::path state_dir_;
    pods::UniqueFd state_lock_;
    asio::io_context control_{1};
    proxy::AccessLog access_log_;
    proxy::Shared shared_;
    proxy::TraceExporter traces_{shared_.traces, PILOTLIGHT_VERSION};
    std::unique_ptr<pods::Driver> driver_;
    proxy::Loop loop_;
    std::size_t connection_limit_;
    proxy::Watch watch_;
    std::vector<std::unique_ptr<proxy::Worker>> workers_;
    proxy::Doors doors_;
    std::vector<std::unique_ptr<proxy::Listener>> listeners_;
    std::vector<manifest::Listener> listens_at_;  // as they were at the start
    std::unique_ptr<admin::Server> admin_;
    asio::signal_set signals_;
    bool at_once_ = false;
    bool done_ = false;
};

}  // namespace

int serve(std::span<const std::string> args) {
    auto parsed = parse_serve_options(args);
    if (auto* exit = std::get_if<int>(&parsed)) return *exit;
    auto& options = std::get<ServeOptions>(parsed);
    auto loaded = load_all(options.files);
    for (const auto& problem : loaded.problems)
        std::fprintf(stderr, "%s\n", manifest::to_string(problem).c_str());
    if (!loaded.configuration) return 1;
    apply(*loaded.configuration, options);
    proxy::EmergencyMemory::set_up();
    set_up_logging(loaded.configuration->gateway.log);
    try {
        Gateway(std::move(options), std::move(*loaded.configuration)).run();
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        shut_down_logging();
        return 1;
    }
    shut_down_logging();
    return 0;
}

}  // namespace cli
