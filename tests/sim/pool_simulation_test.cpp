// Thousands of random days of a pool and its sessions, in virtual time: bursts, sessions, clients who leave,
// pods that come, die, hang, drain, are benched and return, live changes of the settings. Each step is
// compared with the model. When the noise ends everybody who waits is served, and no slot is missing.
#include <deque>

#include "model.hpp"
#include "router/places.hpp"
#include "router/sessions.hpp"

using namespace sim;
using Home = router::Sessions::Home;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration session_timeout = seconds{60};
constexpr std::size_t session_capacity = 12, session_octets = 8 * 300;

// Sessions in the plainest way: a list, the longest unseen first.
struct SessionModel {
    struct Entry {
        std::string id;
        PodId pod;
        TimePoint seen;
        bool home;
    };
    std::vector<Entry> entries;

    std::optional<PodId> find(const std::string& id, TimePoint now) {
        const auto found = at(id);
        if (found == entries.end()) return std::nullopt;
        auto entry = *found;
        entries.erase(found);
        if (now - entry.seen > session_timeout) return std::nullopt;
        entry.seen = now;
        entries.push_back(entry);
        return entry.pod;
    }
    void bind(const std::string& id, PodId pod, TimePoint now, Home home) {
        const auto found = at(id);
        const bool before = found != entries.end() && found->home;
        if (found != entries.end()) entries.erase(found);
        while (entries.size() == session_capacity || octets() + octets_of(id) > session_octets)
            entries.erase(entries.begin());
        entries.push_back({id, pod, now, home == Home::as_before ? before : home == Home::yes});
    }
    int on(PodId pod) const {
        return static_cast<int>(std::count_if(entries.begin(), entries.end(),
                                              [&](const Entry& e) { return e.pod == pod && e.home; }));
    }
    std::size_t octets() const {
        std::size_t all = 0;
        for (const auto& e : entries) all += octets_of(e.id);
        return all;
    }

private:
    std::vector<Entry>::iterator at(const std::string& id) {
        return std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.id == id; });
    }
    static std::size_t octets_of(const std::string& id) { return id.size() + router::Sessions::node_octets; }
};

class Day {
public:
    explicit Day(std::uint64_t seed) : dice_(seed) {
        const int slots[] = {1, 1, 1, 2, 5, 0};
        model_.settings.container_concurrency = slots[dice_.pick(0, 5)];
        busy_ = dice_.pick(20, 60);
        keys_ = dice_.chance(50) ? static_cast<int>(dice_.pick(1, 4)) : 0;
        for (int key = 1; key <= keys_; ++key)
            if (dice_.chance(40))
                model_.key_limits[static_cast<std::uint64_t>(key)] =
                    static_cast<std::size_t>(dice_.pick(1, 3));
        reconfigure();
    }

    void live() {
        for (int i = 0; i < 250; ++i) {
            pass_time();
            happen();
            if (dice_.chance(50)) tick();
            look();
        }
    }

    // No more trouble, and time enough for everybody.
    void settle() {
        pool_.refuse_all(model_.refuse_all = false);
        model_.settings.queue_timeout = model_.settings.cold_start_timeout = std::chrono::hours{24};
        pool_.configure(model_.settings, now_);
        admit(PodId{++last_pod_});
        const auto everybody = model_.requests.size();
        for (std::size_t i = 0; i < everybody; ++i) {
            look();
            if (const auto running = model_.running(); !running.empty()) leave(running.front());
        }
        look();
        expect(model_.requests.empty(), "when the noise ends everybody is served");
        expect(pool_.waiting() == 0 && pool_.running() == 0, "and nothing is left in the pool");
        for (const auto& [id, pod] : model_.pods) expect(pool_.leases(id) == 0, "no slot is missing");
    }

    std::string diary() const {
        std::string all;
        for (const auto& line : diary_) all += line + "\n";
        return all;
    }

private:
    template <class... Words>
    void note(const char* what, Words... numbers) {
        std::string line = std::to_string(std::chrono::duration<double>(now_ - start_).count()) + " " + what;
        ((line += " " + std::to_string(static_cast<std::uint64_t>(numbers))), ...);
        diary_.push_back(std::move(line));
        if (diary_.size() > 60) diary_.pop_front();
    }

    void pass_time() {
        const auto time = milliseconds{dice_.chance(5)    ? dice_.pick(0, 20'000)
                                       : dice_.chance(30) ? 0
                                                          : dice_.pick(0, 700)};
        now_ += time;
        model_.pass(time);
    }

    void happen() {
        if (dice_.chance(busy_)) return arrive();
        switch (dice_.pick(0, 16)) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4:
                if (const auto running = model_.running(); !running.empty()) finish(dice_.any(running));
                return;
            case 5:
                if (const auto waiting = model_.waiting(); !waiting.empty()) leave(dice_.any(waiting));
                return;
            case 6:
            case 7:
                if (model_.pods.size() < 6) admit(PodId{++last_pod_});
                return;
            case 8:
            case 9:
                if (const auto id = some_pod()) admit(*id);  // it passed its probe, or is called back
                return;
            case 10:
                if (const auto id = some_pod()) die(*id);
                return;
            case 11:
                if (const auto id = some_pod()) drain(*id);
                return;
            case 12:
                if (const auto running = model_.running(); !running.empty()) break_under(dice_.any(running));
                return;
            case 13:
                return reconfigure();
            case 14:
                model_.refuse_all = dice_.chance(25);
                note("refuse all", model_.refuse_all);
                return pool_.refuse_all(model_.refuse_all);
            case 15:
                return misuse();
            case 16:
                return learn();
        }
    }

    std::optional<PodId> some_pod() {
        if (model_.pods.empty()) return std::nullopt;
        return dice_.any(model_.pods).first;
    }

    // --- traffic

    void arrive() {
        router::Arrival arrival;
        const auto ids = some_ids();
        for (const auto& id : ids)
            if (!arrival.bound) arrival.bound = where_is(id);
        arrival.bytes = dice_.chance(50) ? 0 : static_cast<std::uint64_t>(dice_.pick(1, 400));
        if (keys_ > 0) {
            arrival.key = router::Key(dice_.pick(dice_.chance(5) ? 0 : 1, keys_));
            const auto limit = model_.key_limits.find(static_cast<std::uint64_t>(arrival.key));
            arrival.key_running = limit == model_.key_limits.end() ? 0 : limit->second;
        }
        const bool full = model_.full_for(arrival.bytes);
        const auto ticket = pool_.arrive(arrival, now_);
        note("arrives", ticket ? *ticket : Ticket{}, arrival.bound ? *arrival.bound : PodId{}, arrival.bytes,
             static_cast<std::uint64_t>(arrival.key), arrival.key_running);
        if (!ticket) {
            expect(full, "only a full queue turns away");
            expect(!model_.could_start_at_once(arrival.bound, static_cast<std::uint64_t>(arrival.key)),
                   "and nobody who would not have to wait in it");
            return;
        }
        model_.arrive(*ticket, arrival);
        if (!ids.empty()) ids_of_[*ticket] = ids;
        own_[*ticket] = arrival.bound;
        name(*ticket);
        if (!full) return;
        look();
        expect(model_.requests.at(*ticket).held.has_value(), "who passes a full queue starts at once");
    }

    void name(Ticket ticket) {
        std::vector<std::string> names;
        while (names.size() < 2 && dice_.chance(60))
            names.push_back("request:" + std::to_string(dice_.pick(1, 20)));
        places_.enter(ticket, names);
        for (const auto& one : names) newest_[one] = ticket;
    }
    // None, one or several, some of them long.
    std::vector<std::string> some_ids() {
        std::vector<std::string> ids;
        while (dice_.chance(40) && ids.size() < 4) {
            auto id = (dice_.chance(70) ? "session:" : "task:") + std::to_string(dice_.pick(1, 9));
            if (dice_.chance(10)) id.resize(static_cast<std::size_t>(dice_.pick(20, 200)), 'x');
            ids.push_back(std::move(id));
        }
        return ids;
    }
    std::optional<PodId> where_is(const std::string& id) {
        const auto pod = sessions_.find(id, now_, session_timeout);
        expect(pod == session_model_.find(id, now_), "a session is where it was bound last");
        return pod;
    }
    void bind(const std::string& id, PodId pod, Home home) {
        sessions_.bind(id, pod, now_, home);
        if (id.size() <= router::Sessions::longest_id) session_model_.bind(id, pod, now_, home);
    }
    // A pod has named something of its own in an answer.
    void learn() {
        if (const auto pod = some_pod())
            for (const auto& id : some_ids()) bind(id, *pod, Home::as_before);
    }

    void finish(Ticket ticket) {
        const auto pod = *model_.requests.at(ticket).held;
        leave(ticket);
        if (dice_.chance(80)) {
            pool_.succeeded(pod);
            if (model_.pods.contains(pod)) model_.pods[pod].failures = 0;
            return;
        }
        note("failed", pod);
        pool_.failed(pod, now_);
        if (model_.pods.contains(pod) && ++model_.pods[pod].failures >= model_.settings.failures_to_bench)
            model_.bench(pod);
    }

    void leave(Ticket ticket) {
        note("leaves", ticket);
        pool_.leave(ticket, now_);
        model_.leave(ticket);
        places_.leave(ticket, "", now_);
    }

    // The pod's connection broke under a request, which is tried again or fails.
    void break_under(Ticket ticket) {
        const auto pod = *model_.requests.at(ticket).held;
        note("breaks", pod, ticket);
        if (dice_.chance(80)) {
            pool_.bench(pod, now_);
            model_.bench(pod);
        }
        if (dice_.chance(30)) return leave(ticket);
        if (dice_.chance(50)) look();
        note("retries", ticket);
        expect(pool_.retry(ticket, now_) && model_.retry(ticket), "who holds a slot can be retried");
    }

    // Words about requests and pods that are not, or not any more.
    void misuse() {
        const auto ticket = Ticket(dice_.pick(1, 500));
        if (!model_.requests.contains(ticket)) {
            pool_.leave(ticket, now_);
            expect(!pool_.retry(ticket, now_), "who is gone cannot be retried");
        }
        const PodId nobody{last_pod_ + 100};
        pool_.drain(nobody, now_);
        pool_.forget(nobody, now_);
        pool_.bench(nobody, now_);
        pool_.failed(nobody, now_);
        pool_.succeeded(nobody);
    }

    // --- control

    void admit(PodId id) {
        note("admit", id);
        pool_.admit(id, now_);
        model_.pods[id].benched = false;
        model_.pods[id].failures = 0;
        model_.set_admitted(id, true);
    }
    void drain(PodId id) {
        note("drain", id);
        pool_.drain(id, now_);
        model_.pods[id].benched = false;
        model_.set_admitted(id, false);
    }
    // Its requests notice one by one, later.
    void die(PodId id) {
        note("dies", id);
        pool_.forget(id, now_);
        sessions_.forget(id);
        std::erase_if(session_model_.entries, [&](const auto& e) { return e.pod == id; });
        model_.forget(id);
    }
    void reconfigure() {
        auto& s = model_.settings;
        s.queue_depth = static_cast<std::size_t>(dice_.chance(30) ? dice_.pick(0, 3) : dice_.pick(4, 40));
        s.queue_bytes = static_cast<std::uint64_t>(dice_.chance(30) ? dice_.pick(0, 500) : 100'000);
        s.queue_timeout = milliseconds{dice_.chance(30) ? dice_.pick(1, 3'000) : dice_.pick(3'000, 90'000)};
        s.cold_start_timeout =
            milliseconds{dice_.chance(30) ? dice_.pick(1, 3'000) : dice_.pick(3'000, 90'000)};
        s.affinity_wait.reset();
        if (dice_.chance(50)) s.affinity_wait = milliseconds{dice_.pick(0, 5'000)};
        note("configure", s.queue_depth, s.queue_bytes);
        pool_.configure(s, now_);
    }

    // What the control loop's look does.
    void tick() {
        expect(pool_.next_due(now_) ==
                   (model_.next_due() ? std::optional(now_ + *model_.next_due()) : std::nullopt),
               "what is due next is what the model says");
        std::map<Ticket, router::Overdue> late;
        for (const auto ticket : model_.waiting())
            if (const auto why = model_.overdue(model_.requests.at(ticket))) late[ticket] = *why;
        const auto expired = pool_.expire(now_);
        expect(expired.size() == late.size(), "exactly those whose time is over are turned away");
        for (const auto& one : expired) {
            note("expires", one.ticket);
            expect(late.contains(one.ticket) && late[one.ticket] == one.why, "those, and for that reason");
            model_.leave(one.ticket);
            places_.leave(one.ticket, "", now_);
        }
        sessions_.age(now_, session_timeout);
        std::erase_if(session_model_.entries, [&](const auto& e) { return now_ - e.seen > session_timeout; });
        expect(sessions_.size() == session_model_.entries.size(), "sessions age");
        expect(sessions_.octets() == session_model_.octets(), "and give their memory back");
    }

    // Dispatch, as after every change, and everything that must hold then.
    void look() {
        for (auto& [id, pod] : model_.pods) {
            expect(sessions_.on(id) == session_model_.on(id), "sessions are counted");
            pool_.set_sessions(id, pod.sessions = sessions_.on(id));
        }
        for (const auto [ticket, pod] : pool_.dispatch(now_)) {
            note("granted", ticket, pod);
            model_.grant(ticket, pod);
            model_.requests.at(ticket).granted = now_;
            bind(ticket, pod);
            const auto waited = pool_.waited(ticket, now_);
            const auto& r = model_.requests.at(ticket);
            expect(waited.queue == r.queue && waited.cold == r.cold,
                   "waiting is counted by what was waited for");
        }
        model_.check_nobody_waits_in_vain();
        compare();
        compare_places();
    }

    void bind(Ticket ticket, PodId pod) {
        const auto found = ids_of_.find(ticket);
        if (found == ids_of_.end()) return;
        const auto own = own_[ticket];
        const bool borrowed = own && *own != pod && pool_.admitted(*own);
        for (const auto& id : found->second)
            if (!borrowed || !router::names_client(id))
                bind(id, pod, router::names_client(id) ? Home::yes : Home::no);
    }

    void compare() {
        expect(pool_.check() == "", pool_.check());
        expect(pool_.waiting() == model_.waiting().size(), "as many wait as should");
        expect(pool_.running() == model_.running().size(), "as many run as should");
        expect(pool_.any_admitted() == model_.any_admitted(), "the pool knows whether a pod is there");
        for (const auto& [ticket, r] : model_.requests)
            expect(pool_.holder(ticket) == r.held, "who holds what");
        std::vector<PodId> benched;
        for (const auto& [id, pod] : model_.pods) {
            expect(pool_.leases(id) == pod.leases, "leases are counted");
            expect(pool_.admitted(id) == pod.admitted, "who is admitted");
            if (pod.benched) benched.push_back(id);
        }
        expect(pool_.benched() == benched, "who is benched");
        const auto usage = pool_.usage(now_);
        expect(usage.arrivals == model_.arrivals, "arrivals are counted");
        expect(std::abs(usage.demand_seconds - model_.demand_seconds) < 1e-6 * (1 + model_.demand_seconds),
               "demand is counted");
    }

    // Everybody under way is found by the newest of his names, and told exactly where he stands.
    void compare_places() {
        const auto slots = static_cast<std::size_t>(model_.settings.container_concurrency);
        for (const auto& [ticket, r] : model_.requests) {
            const auto standing = pool_.standing(ticket);
            expect(standing.has_value() == !r.held.has_value(), "who waits has a place");
            const auto held = pool_.held_for(ticket, now_);
            expect(held == (r.held ? std::optional(now_ - r.granted) : std::nullopt),
                   "who holds a slot knows since when");
            if (!standing) continue;
            expect(standing->ahead == model_.ahead(ticket), "as many are ahead as the model counts");
            if (slots == 0) continue;
            const auto pods = std::count_if(model_.pods.begin(), model_.pods.end(),
                                            [](const auto& pod) { return pod.second.admitted; });
            expect(standing->slots == slots * (r.bound ? 1 : static_cast<std::size_t>(pods)),
                   "he knows how many slots there are for him");
            const auto granted = model_.granted_on(r.bound);
            if (standing->slots == 0 || granted.empty()) continue;
            expect(standing->follows ==
                       granted.at(std::min(standing->ahead % standing->slots, granted.size() - 1)),
                   "and whose slot comes to him");
        }
        for (const auto& [name, ticket] : newest_) {
            const auto found = places_.find(name, now_);
            if (model_.requests.contains(ticket))
                expect(found && found->ticket == ticket, "a name is the newest one's");
            else
                expect(!found || !found->ticket, "and nobody's when he is gone");
        }
    }

    Dice dice_;
    const TimePoint start_{std::chrono::hours{1}};
    TimePoint now_ = start_;
    int busy_ = 0, keys_ = 0;
    router::Pool pool_{{}, start_};
    router::Sessions sessions_{{session_capacity, session_octets}};
    Model model_;
    SessionModel session_model_;
    std::map<Ticket, std::vector<std::string>> ids_of_;
    std::map<Ticket, std::optional<PodId>> own_;
    router::Places places_;
    std::map<std::string, Ticket> newest_;
    std::uint64_t last_pod_ = 0;
    std::deque<std::string> diary_;
};

}  // namespace

TEST_CASE("a pool keeps its promises through thousands of random days", "[pool][simulation]") {
    run_schedules<Day>(1500);
}
