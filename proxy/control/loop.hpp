// The control loop: all revisions, ticked together on one thread; routes and snapshots for the others.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "manifest/configuration.hpp"
#include "proxy/control/revision.hpp"
#include "proxy/control/snapshot.hpp"
#include "proxy/service.hpp"

namespace proxy {

// What a service is known by: "NAMESPACE/NAME".
inline std::string key_of(const manifest::Service& service) {
    return service.name_space + "/" + service.name;
}

class Loop {
public:
    Loop(asio::io_context&, pods::Driver&, const CookieKey&, std::filesystem::path spool_directory,
         Memory memory);

    // Before the first configuration: what the gateway before this one has, which hands over its pods. No pod
    // starts or ends until it has promised them.
    void inherit(std::vector<OldRevision>);
    void promise(const std::vector<OldPod>&);
    void adopt(const OldPod&, pods::Handed);
    void settle(const std::string& pod_name, const OldSessions&);
    void gone(const std::string& pod_name);
    void predecessor_ended();  // whatever it promised still will not come
    // A pod that came from there has not ended yet: of such a one no third gateway would know.
    bool ends_foreign_pods() const { return !foreign_.empty(); }

    // The other side of it. First nothing begins or ends; when all is settled, pods go as they fall idle.
    void freeze(bool frozen);
    bool is_settled() const;
    std::vector<OldRevision> old_revisions() const;
    std::vector<OldPod> old_pods() const;
    void hand_over(PodTaker*);  // null: no more
    void tell_sessions(PodTaker&) const;
    bool has_pods() const;
    void remember();  // what was learnt, for whoever reads it next

    // The first configuration, or another one: revisions are made, changed live or retired, and routes() is
    // new.
    void configure(const manifest::Configuration&);
    const std::shared_ptr<const Routing>& routes() const { return routing_; }

    void start();
    void publish();  // a snapshot of this moment
    void wake();     // from any thread; at most one is under way

    // Shutdown: first no new work and nobody left waiting, then no pods.
    void drain();
    void stop_pods(bool at_once);
    bool pods_gone() const;
    void stop();  // the loop itself

    // Overload.
    std::size_t shed_queue();  // how many were turned away
    std::uint64_t spool_memory() const { return spool_budget_->memory.used(); }

    void on_published(std::function<void()> handler) { published_ = std::move(handler); }
    void set_serving(bool serving);  // for /readyz
    void count(std::function<void(Snapshot&)> counter) { counter_ = std::move(counter); }
    std::shared_ptr<const Snapshot> snapshot() const { return snapshot_; }
    Events& events() { return events_; }

private:
    static std::shared_ptr<const Snapshot> first_snapshot();
    void tick();
    void arm();
    bool second_is_over(TimePoint now) const;
    void make_routes(const manifest::Configuration&);
    void make_access(const std::vector<manifest::AccessList>&);
    std::shared_ptr<Revision> make_revision(const manifest::Service&, TimePoint now);
    int limit_for(const Revision&) const;
    void end_here(const OldPod&, pods::Handed);
    void stop_foreign(PodId, const std::string& pod_name, std::chrono::milliseconds grace);

    static constexpr std::chrono::milliseconds every{100};

    asio::io_context& io_;
    pods::Driver& driver_;
    std::filesystem::path spool_directory_;
    std::shared_ptr<SpoolBudget> spool_budget_ = std::make_shared<SpoolBudget>();
    Memory memory_;
    Events events_;
    std::uint64_t last_pod_ = 0;
    ControlContext context_;
    std::vector<std::shared_ptr<Revision>>
        revisions_;                           // current ones, and retiring ones until they are empty
    std::map<std::string, int> generations_;  // of "namespace/name"
    std::map<std::string, OldRevision> old_;  // by service; what nobody went on with yet
    struct Foreign {
        PodId id;
        std::string service;
        bool is_here;  // handed over, to end here
    };
    // Pods of the gateway before that no revision here goes on with, by name, until they have ended.
    std::map<std::string, Foreign> foreign_;
    std::map<std::string, std::vector<std::string>> hosts_;
    std::map<std::string, std::shared_ptr<const AccessKeys>> access_;
    std::shared_ptr<const Routing> routing_;
    // Versions begin where no earlier run of ours can have come to: whoever comes with one of its is not
    // mistaken.
    std::shared_ptr<const Snapshot> snapshot_ = first_snapshot();
    asio::steady_timer timer_;
    std::atomic<bool> woken_{false};
    bool changed_ = true;
    bool serving_ = false, draining_ = false, stopped_ = false;
    TimePoint published_at_{};
    std::function<void()> published_ = [] {};
    std::function<void(Snapshot&)> counter_ = [](Snapshot&) {};
};

}  // namespace proxy
