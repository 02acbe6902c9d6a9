#include "cli/gateway.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <csignal>
#include <thread>

#include "cli/audit_log.hpp"
#include "cli/load.hpp"
#include "cli/logging.hpp"
#include "cli/state.hpp"
#include "pods/make_driver.hpp"
#include "proxy/bounds/descriptors.hpp"
#include "proxy/bounds/memory_used.hpp"
#include "proxy/log.hpp"

namespace cli {
namespace {

// A client's connection is one descriptor, and its request may need a second one towards a pod; some are for
// ourselves.
std::size_t connection_limit(const manifest::Limits& limits) {
    const auto plan = proxy::plan_descriptors(proxy::raise_descriptor_limit(), limits.connections);
    if (const auto words = proxy::describe(plan, limits.connections); !words.empty())
        log_of(proxy::LogOf::proxy).warn("{}", words);
    proxy::descriptors().set_plan(plan);
    return plan.connections;
}

}  // namespace

Gateway::Gateway(ServeOptions options, ReadAll read, Heir* heir)
    : options_(std::move(options)),
      configuration_(*read.loaded.configuration),
      state_dir_(state_directory(configuration_.gateway)),
      heir_(heir),
      state_lock_(heir ? heir->take_lock() : lock_state(state_dir_)),
      shared_{cookie_key(configuration_.gateway, state_dir_), access_log_},
      traces_(shared_.traces, PILOTLIGHT_VERSION),
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

void Gateway::run() {
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

void Gateway::open_doors() {
    for (auto& listener : listeners_) listener->start();
    admin_->start();
    loop_.set_serving(true);
    loop_.start();
    announce();
    upgrade_door_.open(state_dir_, [this](auto answer) { ask_for_upgrade(std::move(answer)); });
    notify_manager("READY=1");
    asio::co_spawn(control_, feed_watchdog(), asio::detached);
}

asio::awaitable<void> Gateway::feed_watchdog() {
    const auto every = watchdog_interval();
    while (every && !done_) {
        notify_manager("WATCHDOG=1");
        co_await pause(std::chrono::duration_cast<std::chrono::milliseconds>(*every));
    }
}

void Gateway::make_workers() {
    const auto wanted = configuration_.gateway.workers;
    // Half the cores: pods need them too, and a slot that passes between threads costs a wake-up
    // (bench/dispatch_gap).
    const auto halved = std::max(1u, std::thread::hardware_concurrency() / 2);
    const auto count = wanted > 0 ? static_cast<unsigned>(wanted) : halved;
    for (unsigned i = 0; i < count; ++i)
        workers_.push_back(std::make_unique<proxy::Worker>(shared_, loop_.routes()));
}

void Gateway::make_admin(pods::UniqueFd given) {
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
        snapshot.spans = {traces.exported, traces.dropped, traces.refused, traces.given_up, traces.failed};
    });
    loop_.on_published([this] { admin_->published(); });
}

// What the objects that come over the API ask of us.
Objects::Hooks Gateway::hooks() {
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

proxy::Watch::Asks Gateway::what_to_watch() {
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

void Gateway::announce() {
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

}  // namespace cli
