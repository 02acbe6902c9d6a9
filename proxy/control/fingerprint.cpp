#include "proxy/control/fingerprint.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace proxy {
namespace {

// FNV-1a, 64 bits. Each value with its length before it, so that no two lists of them read the same.
class Print {
public:
    void add(std::string_view text) {
        octets(fmt::format("{}:", text.size()));
        octets(text);
    }
    void add(std::int64_t number) { add(std::string_view(fmt::format("{}", number))); }
    void add(const std::vector<std::string>& texts) {
        add(static_cast<std::int64_t>(texts.size()));
        for (const auto& text : texts) add(text);
    }
    void add(const pods::TcpSocketAction& action) { add("tcp"), add(std::int64_t{action.port}); }
    void add(const pods::HttpGetAction& action) {
        add("http"), add(action.path), add(std::int64_t{action.port}), add(action.host);
        for (const auto& [name, value] : action.headers) add(name), add(value);
    }
    void add(const pods::ExecAction& action) { add("exec"), add(action.command); }
    void add(const std::optional<pods::Probe>& probe) {
        add(std::int64_t{probe.has_value()});
        if (!probe) return;
        std::visit([this](const auto& action) { add(action); }, probe->action);
        add(probe->initial_delay.count()), add(probe->period.count()), add(probe->timeout.count());
        add(std::int64_t{probe->success_threshold}), add(std::int64_t{probe->failure_threshold});
    }
    std::string text() const { return fmt::format("{:016x}", hash_); }

private:
    void octets(std::string_view text) {
        for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace

std::string fingerprint(const manifest::Service& service) {
    const auto& c = service.container;
    Print print;
    for (const auto* text : {&c.name, &c.image, &c.working_dir, &c.port_name}) print.add(*text);
    print.add(c.command), print.add(c.args);
    print.add(static_cast<std::int64_t>(c.env.size()));
    for (const auto& variable : c.env) print.add(variable.name), print.add(variable.value);
    print.add(std::int64_t{c.port}), print.add(std::int64_t{c.gpus});
    print.add(c.readiness), print.add(c.liveness), print.add(c.startup);
    print.add(static_cast<std::int64_t>(service.container_concurrency));
    return print.text();
}

}  // namespace proxy
