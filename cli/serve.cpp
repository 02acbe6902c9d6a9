#include "cli/serve.hpp"

#include <fmt/format.h>
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
#include "cli/audit_log.hpp"
#include "cli/heir.hpp"
#include "cli/load.hpp"
#include "cli/logging.hpp"
#include "cli/objects.hpp"
#include "cli/options.hpp"
#include "cli/service_manager.hpp"
#include "cli/state.hpp"
#include "cli/upgrade.hpp"
#include "cli/upgrade_request.hpp"
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
        log_of(proxy::LogOf::proxy).warn("{}", words);
    proxy::descriptors().set_plan(plan);
    return plan.connections;
}

// The whole gateway: one control thread (the caller's) and its workers.
class Gateway {
public:
    Gateway(ServeOptions options, ReadAll read, Heir* heir)
        : options_(std::move(options)),
          configuration_(*read.loaded.configuration),
          state_dir_(state_directory(configuration_.gateway)),
          heir_(heir),
          state_lock_(heir ? heir->take_lock() : lock_state(state_dir_)),
          shared_{cookie_key(configuration_.gateway, state_dir_), access_log_},
          driver_(pods::make_driver(control_, configuration_.gateway.driver, state_dir_)),
          loop_(control_, *driver_, shared_.cookie_key, spool_directory(state_dir_),
                proxy::Memory(state_dir_ / "learnt")),
          connection_limit_(connection_limit(configuration_.gateway.limits)),
          watch_(control_, shared_.bounds, what_to_watch()),
          doors_(control_),
          guards_(control_),
          signals_(control_),
          upgrade_door_(control_),
          objects_(state_dir_ / "applied", hooks()) {
        access_log_ = make_access_log(configuration_.gateway.log);
        configuration_ = objects_.combine(std::move(read.sources), read.loaded);
        cli::apply(configuration_, options_);
        if (heir_) loop_.inherit(heir_->take_revisions());
        traces_.use(configuration_.gateway.tracing);
        loop_.configure(configuration_);
        make_workers();
        if (const auto wrong = doors_.make(configuration_.gateway)) throw std::runtime_error(wrong->sentence);
        for (const auto& at : configuration_.gateway.listeners)
            listeners_.push_back(std::make_unique<proxy::Listener>(
                control_, at, doors_.of(at), workers_, shared_, connection_limit_,
                heir_ ? heir_->take_listener(at) : given_.take(at)));
        listens_at_ = configuration_.gateway.listeners;
        const auto& admin_at = configuration_.gateway.admin;
        make_admin(heir_ ? heir_->take_admin(admin_at) : given_.take(admin_at));
        given_.say_unused();
    }

    void run() {
        std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is one request's trouble
        std::signal(SIGPIPE, SIG_IGN);  // whoever read our log has gone: its lines are lost, no more
        for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2})
            signals_.add(signal);  // before anybody hears that we are there
        for (auto& worker : workers_) worker->start();
        watch_.start();
        doors_.watch([this](const auto& wrong) { use_doors(wrong); });
        guards_.watch([this](const auto& wrong) { use_guard(wrong); });
        asio::co_spawn(control_, handle_signals(), asio::detached);
        if (heir_)
            asio::co_spawn(control_, heir_->take_over(control_, what_is_inherited()), asio::detached);
        else
            open_doors();
        while (!done_) try {
                control_.run_one();
            } catch (const std::exception& error) {  // no more than what it was about is lost
                log_of(proxy::LogOf::proxy)
                    .error(
                        "a task of the control thread ended by an exception (a fault of the gateway, please "
                        "report it): {}",
                        error.what());
            }
        control_.poll();  // what was just cancelled ends; the driver watches on until it is destroyed
        for (auto& worker : workers_) worker->join();
    }

private:
    void open_doors() {
        for (auto& listener : listeners_) listener->start();
        admin_->start();
        loop_.set_serving(true);
        loop_.start();
        announce();
        upgrade_door_.open(state_dir_, [this](auto answer) { ask_for_upgrade(std::move(answer)); });
        notify_manager("READY=1");
        asio::co_spawn(control_, feed_watchdog(), asio::detached);
    }

    asio::awaitable<void> feed_watchdog() {
        const auto every = watchdog_interval();
        while (every && !done_) {
            notify_manager("WATCHDOG=1");
            co_await pause(std::chrono::duration_cast<std::chrono::milliseconds>(*every));
        }
    }

    Heir::House what_is_inherited() {
        return {[this](const auto& pods) {
                    loop_.promise(pods);
                    open_doors();
                },
                [this](const auto& pod, pods::Handed handed) { loop_.adopt(pod, std::move(handed)); },
                [this](const auto& pod_name, const auto& sessions) { loop_.settle(pod_name, sessions); },
                [this](const auto& pod_name) { loop_.gone(pod_name); },
                [this](const auto& at, pods::UniqueFd client, std::string early) {
                    std::size_t index = 0;
                    for (std::size_t i = 0; i < listens_at_.size(); ++i)
                        if (listens_at_[i].address == at.address && listens_at_[i].port == at.port) index = i;
                    listeners_[index]->take(std::move(client), std::move(early));
                },
                [this](bool begun) {
                    heir_ = nullptr;
                    if (begun) return loop_.predecessor_ended();
                    log_of(proxy::LogOf::proxy)
                        .warn("upgrade: given up by the gateway that runs, which goes on; this process ends");
                    done_ = true;
                }};
    }

    Estate what_there_is() {
        return {control_,
                loop_,
                shared_,
                workers_,
                listeners_,
                listens_at_,
                configuration_.gateway.admin,
                state_lock_.get(),
                [this] { return admin_->descriptor(); },
                [this] {
                    admin_->stop();
                    upgrade_door_.close();
                },
                [this](pods::UniqueFd socket) {
                    make_admin(std::move(socket));
                    admin_->start();
                    upgrade_door_.open(state_dir_,
                                       [this](auto answer) { ask_for_upgrade(std::move(answer)); });
                },
                configuration_.gateway.timeouts.drain};
    }

    void ask_for_upgrade(UpgradeDoor::Answer answer) {
        if (heir_ || draining_ || (upgrade_ && upgrade_->under_way()))
            return answer("failed: the gateway is on its way in or out; ask again when it is not");
        if (::getpid() == 1)
            return answer(
                "failed: this is the first process of its container, which ends with it; replace the "
                "container");
        upgrade_ = std::make_unique<Upgrade>(what_there_is());
        asio::co_spawn(control_, hand_over(std::move(answer)), asio::detached);
    }

    asio::awaitable<void> hand_over(UpgradeDoor::Answer answer) {
        bool told = false;
        const auto failed = co_await upgrade_->run([&](pid_t successor) {
            notify_manager(fmt::format("MAINPID={}", successor));
            log_of(proxy::LogOf::proxy)
                .info("upgrade: process {} serves now; requests to finish here: {}", successor, under_way());
            answer(fmt::format("ok: process {} serves now", successor));
            told = true;
        });
        if (failed.empty()) {
            if (upgrade_->successor_stopped()) {
                loop_.hand_over(nullptr);
                co_return co_await shut_down();
            }
            log_of(proxy::LogOf::proxy).info("upgrade: everything is handed over");
            co_return end();
        }
        notify_manager(fmt::format("MAINPID={}", ::getpid()));
        log_of(proxy::LogOf::proxy).error("upgrade: {}; this process goes on as before", failed);
        loop_.events().warning("", "Gateway", "pilotlight", "UpgradeFailed", failed);
        if (!told) answer("failed: " + failed);
    }

    void make_workers() {
        const auto wanted = configuration_.gateway.workers;
        // Half the cores: pods need them too, and a slot that passes between threads costs a wake-up
        // (bench/dispatch_gap).
        const auto halved = std::max(1u, std::thread::hardware_concurrency() / 2);
        const auto count = wanted > 0 ? static_cast<unsigned>(wanted) : halved;
        for (unsigned i = 0; i < count; ++i)
            workers_.push_back(std::make_unique<proxy::Worker>(shared_, loop_.routes()));
    }

    void make_admin(pods::UniqueFd given) {
        const auto& at = configuration_.gateway.admin;
        admin::Source source;
        source.snapshot = [this] { return loop_.snapshot(); };
        source.generations = &shared_.generations;
        source.keeper = &objects_;
        admin::Settings settings;
        settings.history = state_dir_ / "history";
        const auto& gateway = configuration_.gateway;
        admin_at_ = at;
        if (const auto wrong = guards_.make(at, gateway.timeouts.ticket_key))
            throw std::runtime_error(wrong->sentence);
        settings.guard = guards_.current();
        settings.audit = make_audit_log(gateway.log);
        settings.descriptor = given.release();
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
            snapshot.objects = objects_.views();
            const auto& traces = shared_.traces;
            snapshot.spans = {traces.exported, traces.dropped, traces.refused, traces.given_up,
                              traces.failed};
        });
        loop_.on_published([this] { admin_->published(); });
    }

    // What the objects that come over the API ask of us.
    Objects::Hooks hooks() {
        return {[this](manifest::Configuration next) {
                    cli::apply(next, options_);
                    use(std::move(next));
                    loop_.publish();  // whoever asked sees what came of it
                },
                // What was read while a new process takes over is what it goes by.
                [this] { return draining_ || heir_ != nullptr || (upgrade_ && upgrade_->under_way()); },
                [this](bool warning, const auto& name_space, const auto& kind, const auto& name,
                       const auto& reason, const auto& message) {
                    if (warning)
                        loop_.events().warning(name_space, kind, name, reason, message);
                    else
                        loop_.events().normal(name_space, kind, name, reason, message);
                }};
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
                    log_of(proxy::LogOf::proxy)
                        .log(well ? spdlog::level::info : spdlog::level::warn, "load: {} ({})",
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
            log_of(proxy::LogOf::proxy)
                .info("serving on {}:{}{}", endpoint.address().to_string(), endpoint.port(),
                      listens_at_[i].tls ? " (TLS)" : "");
        }
        const auto& admin = configuration_.gateway.admin;
        log_of(proxy::LogOf::admin)
            .info("admin on {}://{}:{}", admin.tls ? "https" : "http", admin.address, admin_->port());
        for (const auto& service : configuration_.services)
            log_of(proxy::LogOf::proxy)
                .info("{}/{} is at {}://{}.{}.{}:{}/", service.name_space, service.name,
                      !listens_at_.empty() && listens_at_.front().tls ? "https" : "http", service.name,
                      service.name_space,
                      configuration_.gateway.domains.empty() ? "?" : configuration_.gateway.domains.back(),
                      listeners_.empty() ? 0 : listeners_.front()->endpoint().port());
    }

    asio::awaitable<void> handle_signals() {
        for (;;) {
            const auto [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
            if (error) co_return;
            if (signal == SIGHUP) {
                if (!draining_) reload();
            } else if (signal == SIGUSR1) {
                reopen_logs();
            } else if (signal == SIGUSR2) {
                ask_for_upgrade(
                    [](const std::string& what) { log_of(proxy::LogOf::proxy).info("upgrade: {}", what); });
            } else if (!draining_) {
                draining_ = true;
                asio::co_spawn(control_, shut_down(), asio::detached);
            } else {
                log_of(proxy::LogOf::proxy)
                    .warn("told to stop again: stopping at once, what runs is cut off");
                at_once_ = true;
            }
        }
    }

    // Who listens now lets in whoever comes from now on by the new doors.
    void use_doors(const std::optional<proxy::Wrong>& wrong) {
        if (wrong) {
            log_of(proxy::LogOf::tls)
                .error(
                    "a changed certificate is not used, the one before stays in force until the file is "
                    "right: {}",
                    wrong->sentence);
            return loop_.events().warning("", "Gateway", "pilotlight", "CertificateRefused", wrong->sentence);
        }
        for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->use(doors_.of(listens_at_[i]));
        say(proxy::look_at_certificates(configuration_.gateway, std::time(nullptr)));
        loop_.events().normal("", "Gateway", "pilotlight", "CertificatesReloaded",
                              "Certificates have changed and are in force for new connections");
    }

    // Who is let in at the admin address, from now on.
    void use_guard(const std::optional<proxy::Wrong>& wrong) {
        if (wrong) {
            log_of(proxy::LogOf::admin)
                .error(
                    "a changed certificate or token of the admin address is not used, the one before stays "
                    "in force until the file is right: {}",
                    wrong->sentence);
            return loop_.events().warning("", "Gateway", "pilotlight", "CredentialsRefused", wrong->sentence);
        }
        admin_->use(guards_.current());
        loop_.events().normal("", "Gateway", "pilotlight", "CredentialsReloaded",
                              "Certificates or tokens of the admin address have changed and are in force");
    }

    static void say(const std::vector<manifest::Problem>& problems) {
        for (const auto& problem : problems)
            log_of(proxy::LogOf::config)
                .log(problem.warning ? spdlog::level::warn : spdlog::level::err, "{}",
                     manifest::to_string(problem));
    }

    // All or nothing: what is wrong is said, and the configuration in force stays.
    void reload() {
        if (heir_ || (upgrade_ && upgrade_->under_way()))
            return log_of(proxy::LogOf::config)
                .warn("not reloaded: an upgrade is under way; reload again when it is done");
        auto read = read_all(options_.files);
        auto& loaded = read.loaded;
        say(loaded.problems);
        if (loaded.configuration) apply(*loaded.configuration, options_);
        bool good = loaded.configuration.has_value();
        if (good) {
            const auto wrong = doors_.make(loaded.configuration->gateway);
            if (wrong) log_of(proxy::LogOf::config).error("{}", wrong->sentence);
            good = !wrong;
        }
        const auto same_address = [](const manifest::Listener& a, const manifest::Listener& b) {
            return a.address == b.address && a.port == b.port;
        };
        // What is right for another address would be wrong for the one that we are at until a restart.
        if (good && same_address(loaded.configuration->gateway.admin, admin_at_)) {
            const auto& gateway = loaded.configuration->gateway;
            const auto wrong = guards_.make(gateway.admin, gateway.timeouts.ticket_key);
            if (wrong) log_of(proxy::LogOf::config).error("{}", wrong->sentence);
            good = !wrong;
            if (!good) doors_.make(configuration_.gateway);
        }
        if (!good) {
            loop_.events().warning("", "Gateway", "pilotlight", "ReloadRefused",
                                   "The manifests have errors; the configuration in force stays. `pilotlight "
                                   "check` names them, as does the log");
            return;
        }
        for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->use(doors_.of(listens_at_[i]));
        admin_->use(guards_.current());
        if (!std::ranges::equal(loaded.configuration->gateway.listeners, listens_at_, same_address) ||
            !same_address(loaded.configuration->gateway.admin, admin_at_) ||
            !(loaded.configuration->gateway.driver == configuration_.gateway.driver))
            log_of(proxy::LogOf::config)
                .warn(
                    "the addresses of listeners, the admin address and the driver change only with a "
                    "restart; "
                    "the rest is in force");
        auto next = objects_.combine(std::move(read.sources), loaded);
        apply(next, options_);
        proxy::set_log_levels(next.gateway.log);
        use(std::move(next));
        loop_.events().normal("", "Gateway", "pilotlight", "Reloaded", "The new configuration is in force");
    }

    // Nothing in flight is cut.
    void use(manifest::Configuration next) {
        configuration_ = std::move(next);
        traces_.use(configuration_.gateway.tracing);
        loop_.configure(configuration_);
        for (auto& worker : workers_) worker->use(loop_.routes());
    }

    // No new connections, no new requests, nobody left waiting; what runs ends, then the pods, then we.
    asio::awaitable<void> shut_down() {
        using namespace std::chrono_literals;
        notify_manager("STOPPING=1");
        log_of(proxy::LogOf::proxy)
            .info(
                "shutting down; requests to finish: {} (within {} s, spec.timeouts.drain; a second signal "
                "stops at once)",
                under_way(),
                std::chrono::duration_cast<std::chrono::seconds>(configuration_.gateway.timeouts.drain)
                    .count());
        for (auto& listener : listeners_) listener->stop();
        loop_.drain();
        for (auto& worker : workers_) worker->drain();
        const auto deadline = pods::Clock::now() + configuration_.gateway.timeouts.drain;
        while (under_way() > 0 && !at_once_ && pods::Clock::now() < deadline) co_await pause(20ms);
        if (under_way() > 0)
            log_of(proxy::LogOf::proxy)
                .warn("requests cut off: {} ({})", under_way(),
                      at_once_ ? "told to stop at once" : "longer than spec.timeouts.drain");
        for (auto& worker : workers_) worker->stop();
        loop_.stop_pods(at_once_);
        const auto pods_deadline = pods::Clock::now() + 3600s;
        for (bool killed = at_once_; !loop_.pods_gone() && pods::Clock::now() < pods_deadline;) {
            if (at_once_ && !killed) loop_.stop_pods(killed = true);
            co_await pause(20ms);
        }
        end();
        log_of(proxy::LogOf::proxy).info("stopped");
    }

    void end() {
        for (auto& worker : workers_) worker->stop();
        loop_.stop();
        watch_.stop();
        doors_.stop();
        guards_.stop();
        admin_->stop();
        upgrade_door_.close();
        signals_.cancel();
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
    Heir* heir_;  // as long as the gateway before this one is there
    GivenSockets given_ = GivenSockets::from_environment();
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
    admin::Guards guards_;
    std::vector<std::unique_ptr<proxy::Listener>> listeners_;
    std::vector<manifest::Listener> listens_at_;  // as they were at the start
    manifest::Listener admin_at_;                 // likewise
    std::unique_ptr<admin::Server> admin_;
    asio::signal_set signals_;
    UpgradeDoor upgrade_door_;
    std::unique_ptr<Upgrade> upgrade_;
    Objects objects_;
    bool draining_ = false;
    bool at_once_ = false;
    bool done_ = false;
};

}  // namespace

int serve(std::span<const std::string> args) {
    auto parsed = parse_serve_options(args);
    if (auto* exit = std::get_if<int>(&parsed)) return *exit;
    auto& options = std::get<ServeOptions>(parsed);
    own_binary();  // before anybody replaces it
    const auto heir = Heir::from_environment();
    auto read = read_all(options.files);
    auto& loaded = read.loaded;
    for (const auto& problem : loaded.problems) {
        std::fprintf(stderr, "%s\n", manifest::to_string(problem).c_str());
        if (heir && !problem.warning) heir->fail(manifest::to_string(problem));
    }
    if (!loaded.configuration) return 1;
    apply(*loaded.configuration, options);
    proxy::EmergencyMemory::set_up();
    set_up_logging(loaded.configuration->gateway.log);
    try {
        Gateway(std::move(options), std::move(read), heir.get()).run();
    } catch (const std::exception& error) {
        log_of(proxy::LogOf::proxy).error("{}", error.what());
        if (heir) heir->fail(error.what());
        shut_down_logging();
        return 1;
    }
    shut_down_logging();
    return 0;
}

}  // namespace cli
