#include "proxy/control/loop.hpp"

#include <fmt/format.h>

#include <boost/asio.hpp>
#include <limits>

#include "proxy/access/keys.hpp"
#include "proxy/bounds/load.hpp"
#include "proxy/bounds/memory_used.hpp"
#include "proxy/bounds/reserve.hpp"

namespace proxy {
namespace {

// What a live change cannot change: the pods themselves.
bool same_pods(const manifest::Service& a, const manifest::Service& b) {
    return a.container == b.container && a.container_concurrency == b.container_concurrency;
}

}  // namespace

Loop::Loop(asio::io_context& io, pods::Driver& driver, const CookieKey& key,
           std::filesystem::path spool_directory, Memory memory)
    : io_(io),
      driver_(driver),
      spool_directory_(std::move(spool_directory)),
      memory_(std::move(memory)),
      context_{io,
               driver,
               key,
               events_,
               memory_,
               [this] { return PodId{++last_pod_}; },
               [this] { wake(); },
               [this] { changed_ = true; }},
      timer_(io) {
    driver_.on_exit([this](const pods::Exit& exit) {
        for (auto& revision : revisions_)
            if (revision->exited(exit, Clock::now())) return;
    });
}

void Loop::configure(const manifest::Configuration& configuration) {
    const auto now = Clock::now();
    context_.startup_silence = configuration.gateway.timeouts.startup_silence;
    std::vector<std::shared_ptr<Revision>> kept;
    for (const auto& service : configuration.services) {
        std::shared_ptr<Revision> current;
        for (const auto& revision : revisions_)
            if (!revision->retiring() && key_of(revision->settings()) == key_of(service)) current = revision;
        if (current && same_pods(current->settings(), service)) {
            current->configure(service, now);
        } else {
            current = make_revision(service, now);
        }
        kept.push_back(std::move(current));
    }
    for (const auto& revision : revisions_) {
        if (std::find(kept.begin(), kept.end(), revision) != kept.end()) continue;
        if (!revision->retiring()) revision->retire();
        kept.push_back(revision);
    }
    revisions_ = std::move(kept);
    make_routes(configuration);
    changed_ = true;
    wake();
}

void Loop::make_routes(const manifest::Configuration& configuration) {
    const auto& gateway = configuration.gateway;
    auto routing = std::make_shared<Routing>();
    std::map<std::string, std::size_t> index;
    hosts_.clear();
    make_access(gateway.access);
    for (std::size_t i = 0; i < configuration.services.size(); ++i) {
        const auto& service = configuration.services[i];
        const auto keys = access_.find(service.access);
        routing->services.push_back(revisions_[i]->for_traffic(
            keys == access_.end() ? nullptr : keys->second));  // configure() keeps the order
        index[key_of(service)] = i;
        auto& hosts = hosts_[key_of(service)];
        const auto add = [&](std::string host) {
            if (routing->routes.add(host, i)) hosts.push_back(std::move(host));
        };
        for (const auto& domain : gateway.domains) {
            add(fmt::format("{}.{}.{}", service.name, service.name_space, domain));
            for (const auto& target : service.traffic)
                if (!target.tag.empty())
                    add(fmt::format("{}-{}.{}.{}", target.tag, service.name, service.name_space, domain));
        }
    }
    for (const auto& mapping : configuration.domain_mappings)
        if (auto found = index.find(mapping.name_space + "/" + mapping.service); found != index.end())
            if (routing->routes.add(mapping.host, found->second))
                hosts_[found->first].push_back(mapping.host);
    if (gateway.default_service)
        if (auto found = index.find(*gateway.default_service); found != index.end())
            routing->routes.set_default(found->second);
    routing->limits = gateway.limits;
    routing->timeouts = gateway.timeouts;
    if (gateway.tracing) routing->tracing = Sampling{gateway.tracing->ratio, gateway.tracing->parent};
    routing->head_limits.fields = gateway.limits.head_fields;
    spool_budget_->memory.set_limit(
        std::min(gateway.limits.spool_memory, memory_limit(gateway.limits.memory) / 2));
    spool_budget_->disk.set_limit(gateway.limits.spool_disk);
    routing->request_spool = {gateway.limits.body_memory, spool_directory_, spool_budget_};
    routing->response_spool = {gateway.limits.response_memory, spool_directory_, spool_budget_};
    for (const auto& text : gateway.trusted_proxies)
        if (auto network = parse_network(text)) routing->trusted_proxies.push_back(*network);
    routing_ = std::move(routing);
}

// A list that did not change keeps its counters.
void Loop::make_access(const std::vector<manifest::AccessList>& lists) {
    const auto before = std::exchange(access_, {});
    for (const auto& list : lists) {
        const auto old = before.find(list.name);
        const bool same = old != before.end() && old->second->settings() == list;
        access_[list.name] = same ? old->second : std::make_shared<const AccessKeys>(list);
    }
}

void Loop::start() {
    tick();
}

void Loop::wake() {
    if (woken_.exchange(true)) return;
    asio::post(io_, [this] {
        if (!stopped_) tick();
    });
}

void Loop::tick() {
    woken_ = false;  // before the look: what happens from now on rings again
    const auto now = Clock::now();
    try {
        for (auto& revision : revisions_) revision->tick(now, limit_for(*revision));
    } catch (...) {  // whatever it is, the clock goes on
        arm();
        throw;
    }
    const auto over = std::erase_if(revisions_, [](const auto& revision) { return revision->over(); });
    if (over > 0) changed_ = true;
    if (changed_ || second_is_over(now)) publish();
    arm();
}

// A snapshot each second at least: whoever keeps a history wants them evenly.
bool Loop::second_is_over(TimePoint now) const {
    constexpr std::chrono::seconds second{1};
    return now.time_since_epoch() / second != published_at_.time_since_epoch() / second;
}

// On whole multiples of the interval, so that seconds are closed when they end.
void Loop::arm() {
    MustNotFail clock;
    const auto step = std::chrono::duration_cast<Duration>(every);
    const auto now = Clock::now();
    timer_.expires_at(TimePoint(step * (now.time_since_epoch() / step + 1)));
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error && !stopped_) tick();
    });
}

// maxScale holds over a service's revisions together: the new one takes over pod by pod, never with double
// GPUs.
int Loop::limit_for(const Revision& revision) const {
    const auto& scaling = revision.settings().scaling;
    const int most = scaling.by_hand.value_or(scaling.max_scale);
    if (most == 0) return autoscaler::Plan::unbounded;
    if (revision.retiring()) return std::max(most, revision.alive());
    int others = 0;
    for (const auto& other : revisions_)
        if (other.get() != &revision && key_of(other->settings()) == key_of(revision.settings()))
            others += other->alive();
    for (const auto& [name, pod] : foreign_) others += pod.service == key_of(revision.settings());
    return std::max(0, most - others);
}

std::shared_ptr<const Snapshot> Loop::first_snapshot() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    auto out = std::make_shared<Snapshot>();
    out->version =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
    return out;
}

void Loop::publish() {
    auto next = std::make_shared<Snapshot>();
    next->version = snapshot_->version + 1;
    next->ready = serving_ && !draining_;
    next->draining = draining_;
    std::map<std::string, const PodView*> before;
    for (const auto& pod : snapshot_->pods) before[pod.name_space + "/" + pod.name] = &pod;
    for (const auto& revision : revisions_) {
        auto view = revision->view(next->version);
        if (!revision->retiring()) view.hosts = hosts_[key_of(revision->settings())];
        next->revisions.push_back(std::move(view));
        for (auto& pod : revision->pod_views()) {
            auto found = before.find(pod.name_space + "/" + pod.name);
            pod.version = found != before.end() ? found->second->version : next->version;
            if (found != before.end() && !(*found->second == pod)) pod.version = next->version;
            next->pods.push_back(std::move(pod));
        }
    }
    next->events = events_.all();
    next->spool_memory = spool_budget_->memory.used();
    next->spool_disk = spool_budget_->disk.used();
    for (const auto& [name, list] : access_) {
        next->access_refused.push_back({name, {}, list->refused, 0});
        for (const auto& key : list->all())
            next->access.push_back({name, key.settings.name, key.requests, key.over_limit});
    }
    counter_(*next);
    snapshot_ = std::move(next);
    published_at_ = Clock::now();
    changed_ = false;
    published_();
}

void Loop::set_serving(bool serving) {
    serving_ = serving;
    changed_ = true;
    wake();
}

// --- shutdown

void Loop::drain() {
    draining_ = changed_ = true;
    for (auto& revision : revisions_) revision->refuse_queue(Refusal::shutting_down, Clock::now());
    wake();
}

std::size_t Loop::shed_queue() {
    std::size_t count = 0;
    for (auto& revision : revisions_) count += revision->shed_queue(Clock::now());
    return count;
}

void Loop::stop_pods(bool at_once) {
    for (auto& revision : revisions_)
        revision->stop_all(at_once ? std::chrono::milliseconds{0}
                                   : std::chrono::duration_cast<std::chrono::milliseconds>(
                                         revision->settings().termination_grace));
    if (!at_once) return;                               // they are being stopped as it is
    for (const auto& [name, pod] : std::map(foreign_))  // one that ends at once leaves it
        if (pod.is_here) stop_foreign(pod.id, name, std::chrono::milliseconds{0});
}

bool Loop::pods_gone() const {
    return driver_.list().empty();
}

void Loop::stop() {
    stopped_ = true;
    timer_.cancel();
}

}  // namespace proxy
