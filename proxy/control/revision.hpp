// One revision under control: its gate, autoscaler, fleet and probes, on the control thread. The decisions
// are the autoscaler's and the fleet's; here their commands are carried out and what came of them is reported
// back.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autoscaler/controller.hpp"
#include "manifest/configuration.hpp"
#include "pods/driver.hpp"
#include "pods/prober.hpp"
#include "proxy/control/events.hpp"
#include "proxy/control/inheritance.hpp"
#include "proxy/control/memory.hpp"
#include "proxy/control/snapshot.hpp"
#include "proxy/service.hpp"
#include "router/usual.hpp"

namespace proxy {

// What all revisions share with the loop.
struct ControlContext {
    asio::io_context& io;
    pods::Driver& driver;
    const CookieKey& cookie_key;
    Events& events;
    const Memory& memory;
    std::function<PodId()> next_id;
    std::function<void()> wake;     // from any thread: a tick is worth while
    std::function<void()> changed;  // on the control thread: a new snapshot is worth while
    bool frozen = false;            // no pod starts or ends: an upgrade is under way
    PodTaker* taker = nullptr;      // and pods that are idle go to the next gateway
    TimePoint handing_over_since{};
    Duration startup_silence{};  // of services that do not say it themselves: timeouts.startupSilence
};

class Revision : public std::enable_shared_from_this<Revision> {
public:
    // `inherited`: pods of the gateway before this one, which will be promised.
    Revision(ControlContext&, const manifest::Service&, std::string name, TimePoint now, int inherited = 0);

    void configure(const manifest::Service&, TimePoint now);  // what changes live
    void retire();                                            // a newer one has come, or the service is gone
    void tick(TimePoint now, int limit);                      // every 100 ms, and when woken
    bool exited(const pods::Exit&, TimePoint now);            // false: not one of its pods
    bool retiring() const { return retiring_; }
    // Not while a request under way may still come to the gate: nobody else turns away whoever waits there.
    bool over() const {
        return retiring_ && fleet().pods().empty() && stopping_ == 0 && gate_.use_count() == 1;
    }
    int alive() const { return fleet().alive(); }

    // Shutdown.
    void refuse_queue(Refusal, TimePoint now);
    std::size_t shed_queue(TimePoint now);  // overload: some of those who wait; how many
    void stop_all(std::chrono::milliseconds grace);
    int stopping() const { return stopping_; }

    // An upgrade, the old gateway's side.
    std::vector<OldPod> old_pods(TimePoint now) const;  // that exist
    void tell_sessions(PodTaker&) const;
    bool is_settled() const;  // no start is under way
    bool has_pods() const { return !running_.empty() || stopping_ > 0; }
    void remember_now() { remember(Clock::now(), true); }
    // The new one's side. False: it is of no pod here.
    void promise(const OldPod&, TimePoint now);
    bool adopt(const OldPod&, pods::Handed&, TimePoint now);
    bool settle(const std::string& pod_name, const OldSessions&, TimePoint now);
    bool gone(const std::string& pod_name, TimePoint now);

    const std::string& name() const { return name_; }
    const manifest::Service& settings() const { return settings_; }
    std::shared_ptr<const Service> for_traffic(std::shared_ptr<const AccessKeys> keys) const;
    RevisionView view(std::uint64_t version) const;
    std::vector<PodView> pod_views() const;

private:
    struct Running {  // a pod instance that the driver made
        pods::Started started;
        std::shared_ptr<const Backend> backend;
        std::unique_ptr<pods::Prober> prober;
        TimePoint wanted, asked, made, explained;
        WallTime created;
        std::string uid;
        bool stopping = false;
        bool rechecking = false;
        std::optional<TimePoint> benched_since;
    };

    void explain_long_start(PodId, Running&, TimePoint now);
    void account(TimePoint now);
    void note_cold_start(const Running&, const std::string& pod_name, TimePoint now);
    void note_failure(bool was_ready);
    static void recheck(Running&, bool benched, TimePoint now);
    void step(TimePoint now, int limit);
    void remember(TimePoint now, bool at_once);
    void carry_out(const autoscaler::Command&, TimePoint now);
    static asio::awaitable<void> start(std::shared_ptr<Revision>, PodId, std::string pod_name);
    static asio::awaitable<void> stop(std::shared_ptr<Revision>, PodId, std::chrono::milliseconds grace);
    void hand_over_idle(TimePoint now);
    bool hand_over(PodId, Running&, TimePoint now);
    OldPod old_pod(const autoscaler::FleetPod&, TimePoint now) const;
    pods::PodSpec spec_of(PodId, const std::string& pod_name) const;
    std::shared_ptr<const Backend> make_backend(PodId, const Running&, TimePoint now) const;
    void begin_probing(PodId, Running&);
    void forget(PodId, TimePoint now);
    const autoscaler::FleetPod* fleet_pod(PodId) const;
    router::Outlook outlook() const;
    autoscaler::Fleet& fleet() { return controller_.fleet(); }
    const autoscaler::Fleet& fleet() const { return controller_.fleet(); }

    ControlContext& context_;
    manifest::Service settings_;
    std::string name_;
    WallTime created_;
    std::shared_ptr<Gate> gate_;
    std::shared_ptr<ServiceMetrics> metrics_;
    std::shared_ptr<Jobs> jobs_;
    std::shared_ptr<Heartbeats> heartbeats_;
    std::shared_ptr<const router::Rules> rules_;
    autoscaler::Controller controller_;
    std::map<PodId, Running> running_;
    std::map<PodId, Gate::PodLoad> loads_;
    router::Usage usage_;
    router::Usual cold_starts_;
    std::deque<ColdStartView> last_cold_starts_;
    std::array<double, gpu_state_names.size()> gpu_seconds_{};
    TimePoint accounted_to_;

    TimePoint remembered_{};
    std::uint64_t remembered_arrivals_ = 0;
    bool retiring_ = false;
    bool shutting_down_ = false;
    int stopping_ = 0;
    std::map<std::string, PodId> promised_;                 // by the pod's name
    std::optional<std::chrono::milliseconds> all_stopped_;  // the grace that pods have since then
};

}  // namespace proxy
