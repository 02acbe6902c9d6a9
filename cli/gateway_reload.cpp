// What changes while the gateway serves: its manifests, certificates and tokens.
#include <algorithm>
#include <ctime>

#include "cli/gateway.hpp"
#include "cli/load.hpp"
#include "proxy/log.hpp"

namespace cli {

// Who listens now lets in whoever comes from now on by the new doors.
void Gateway::use_doors(const std::optional<proxy::Wrong>& wrong) {
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
void Gateway::use_guard(const std::optional<proxy::Wrong>& wrong) {
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

void Gateway::say(const std::vector<manifest::Problem>& problems) {
    for (const auto& problem : problems)
        log_of(proxy::LogOf::config)
            .log(problem.warning ? spdlog::level::warn : spdlog::level::err, "{}",
                 manifest::to_string(problem));
}

// All or nothing: what is wrong is said, and the configuration in force stays.
void Gateway::reload() {
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
void Gateway::use(manifest::Configuration next) {
    configuration_ = std::move(next);
    traces_.use(configuration_.gateway.tracing);
    loop_.configure(configuration_);
    for (auto& worker : workers_) worker->use(loop_.routes());
}

}  // namespace cli
