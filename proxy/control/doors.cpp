#include "proxy/control/doors.hpp"

#include <fmt/format.h>

namespace proxy {

namespace {

std::pair<std::string, std::uint16_t> key_of(const manifest::Listener& listener) {
    return {listener.address, listener.port};
}

}  // namespace

std::variant<std::shared_ptr<const Door>, Wrong> Doors::make(const manifest::Listener& listener) {
    auto door = std::make_shared<Door>();
    door->http2 = listener.http2;
    door->proxy_protocol = listener.proxy_protocol;
    door->https_port = listener.https_port;
    if (const auto& strict = listener.strict_transport)
        door->fields = fmt::format("Strict-Transport-Security: max-age={}{}\r\n", strict->max_age.count(),
                                   strict->include_subdomains ? "; includeSubDomains" : "");
    if (const auto& tls = listener.tls) {
        auto made =
            TlsContext::make(*tls, tls->http2 && speaks_http2, ticket_keys_, gateway_.timeouts.ticket_key);
        if (const auto* wrong = std::get_if<Wrong>(&made)) return *wrong;
        door->tls = std::get<std::shared_ptr<const TlsContext>>(std::move(made));
        door->forward_client_certificate = tls->clients && tls->clients->forward;
    }
    return std::shared_ptr<const Door>(std::move(door));
}

std::optional<Wrong> Doors::make(const manifest::Gateway& gateway) {
    const auto before = std::exchange(gateway_, gateway);
    const bool other_keys = !ticket_keys_ || before.timeouts.ticket_key != gateway.timeouts.ticket_key;
    const auto keys_before = ticket_keys_;
    if (other_keys) ticket_keys_ = std::make_shared<TicketKeys>(gateway.timeouts.ticket_key);
    auto stamps = look();
    auto doors = doors_;
    for (const auto& listener : gateway.listeners) {
        auto made = make(listener);
        if (auto* wrong = std::get_if<Wrong>(&made)) {
            gateway_ = before;
            ticket_keys_ = keys_before;
            return std::move(*wrong);
        }
        doors[key_of(listener)] = std::get<std::shared_ptr<const Door>>(std::move(made));
    }
    doors_ = std::move(doors);
    files_.made_of(std::move(stamps));
    return std::nullopt;
}

std::shared_ptr<const Door> Doors::of(const manifest::Listener& listener) const {
    const auto found = doors_.find(key_of(listener));
    return found != doors_.end() ? found->second : nullptr;
}

std::optional<std::time_t> Doors::valid_until() const {
    std::optional<std::time_t> first;
    for (const auto& [at, door] : doors_)
        if (door->tls) first = std::min(first.value_or(door->tls->valid_until()), door->tls->valid_until());
    return first;
}

void Doors::watch(Changed changed) {
    files_.begin([this] { return look(); },
                 [this, changed = std::move(changed)] { changed(make(manifest::Gateway(gateway_))); });
}

FileStamps Doors::look() const {
    FileStamps stamps;
    const auto add = [&](const std::filesystem::path& path) { stamps.push_back(stamp_of(path)); };
    for (const auto& listener : gateway_.listeners) {
        if (!listener.tls) continue;
        for (const auto& files : listener.tls->certificates) add(files.certificate), add(files.key);
        if (const auto& clients = listener.tls->clients) add(clients->ca), add(clients->crl);
    }
    return stamps;
}

}  // namespace proxy
