#include "proxy/traffic/gradio_pod.hpp"

#include <fmt/format.h>

#include <boost/asio.hpp>

#include "proxy/awaited.hpp"
#include "proxy/log.hpp"
#include "proxy/traffic/gradio_talk.hpp"
#include "proxy/traffic/patience.hpp"
#include "proxy/traffic/stopper.hpp"

namespace proxy {
namespace {

using Pod = std::shared_ptr<const Backend>;

// One event's way through the pods.
class Event {
public:
    Event(GradioConversation& conversation, bool task)
        : c_(conversation), gate_(*conversation.asked.service->gate), task_(task) {}

    asio::awaitable<void> run() {
        auto pod = co_await first_pod();
        while (pod && !c_.worker.stopped()) {
            c_.result.backend = pod;
            c_.working = task_;
            const auto stopper = stopper_for_departure(pod);
            Lease* const lease = task_ ? &lease_ : nullptr;
            const auto talk = std::make_shared<GradioTalk>(c_, pod, lease);
            const auto outcome = co_await talk->run();
            c_.working = false;
            c_.asked.on_departure = nullptr;
            if (stopper) co_await stopper->finished();
            if (c_.worker.stopped()) break;
            pod = co_await after(outcome, *talk, pod);
        }
        if (c_.worker.stopped()) c_.fail(Refusal::shutting_down, "The gateway was told to stop at once.");
        c_.fail(Refusal::unavailable,
                "The pod died, and there is no other. Try again in a moment; 'pilotlight get events' says "
                "why it died.");
    }

private:
    std::unique_ptr<Stopper> stopper_for_departure(const Pod& pod) {
        if (!task_ || !c_.asked.service->interrupt_on_disconnect) return nullptr;
        auto stopper = std::make_unique<Stopper>(c_.worker, webui_interrupt(c_.asked.host), pod);
        c_.asked.on_departure = [here = stopper.get()] { here->begin(); };
        return stopper;
    }

    asio::awaitable<Pod> first_pod() {
        const auto now = Clock::now();
        if (!task_) {
            const auto placed = gate_.any_pod(c_.asked.caller, router::Towards::any, now);
            if (!placed.pod)
                c_.fail(Refusal::unavailable,
                        "No pod runs, and this starts none: generate an image or open the page anew first.");
            co_return placed.pod;
        }
        lease_ = gate_.enter(c_.worker.io(), c_.asked.caller, c_.frame.size(), c_.names, now);
        co_return co_await slot();
    }

    // The pod whose slot it gets. Empty: there is none to be had, or nobody to have it for.
    asio::awaitable<Pod> slot() {
        c_.waiting = lease_.shared_waiter();  // so that a client who leaves can ring
        c_.notify();                          // and the other half tells its place in the queue
        while (!lease_.granted() && !lease_.refused() && !c_.client_left)
            co_await c_.waiting->alarm.async_wait(awaited);
        const auto waiter = std::exchange(c_.waiting, nullptr);
        c_.result.waited = waiter->waited;
        c_.result.borrowed = waiter->borrowed;
        const auto refused = lease_.refused();
        if (lease_.granted() && !c_.client_left) co_return lease_.pod();
        lease_.release();
        if (refused) c_.fail(*refused, std::string(advice(*refused)));
        co_return nullptr;
    }

    // What a try's end means for its pod and for the event. Another pod to try, or empty.
    asio::awaitable<Pod> after(GradioOutcome outcome, const GradioTalk& talk, Pod pod) {
        const auto now = Clock::now();
        switch (outcome) {
            case GradioOutcome::completed:
            case GradioOutcome::closed:
            case GradioOutcome::under_way:
                lease_.release();
                gate_.succeeded(pod->id);
                co_return nullptr;
            case GradioOutcome::exhausted:
                co_return co_await again_later(pod);
            case GradioOutcome::declined:
                lease_.release();
                if (talk.declined_status() >= 500) gate_.failed(pod->id, now);
                c_.fail(Refusal::pod_nonsense, fmt::format("Pod {} refuses the connection with status {}.",
                                                           pod->name, talk.declined_status()));
                co_return nullptr;
            case GradioOutcome::unsent:
            case GradioOutcome::died:
                gate_.bench(pod->id, now);
                co_return co_await another(outcome == GradioOutcome::died, *pod);
            case GradioOutcome::broken_off:
                gate_.bench(pod->id, now);
                c_.fail(Refusal::pod_died, died_text(*pod));
                co_return nullptr;
            case GradioOutcome::frame_lost:
                c_.fail(Refusal::disk_full,
                        "The event's data was lost: the gateway's spool directory failed.");
                co_return nullptr;
            case GradioOutcome::hung:
                if (task_) gate_.hung(pod->id, now);
                co_return nullptr;
        }
        co_return nullptr;
    }

    asio::awaitable<Pod> again_later(Pod pod) {
        if (++waits_for_us_ > most_waits_for_us) {
            c_.fail(Refusal::unavailable,
                    "The gateway has no descriptor or memory left for a connection to the pod.");
            co_return nullptr;
        }
        asio::steady_timer pause(c_.worker.io(), wait_for_us);
        co_await pause.async_wait(awaited);
        co_return pod;
    }

    // The old place in the queue, which is its head by now.
    asio::awaitable<Pod> another(bool reached, const Backend& dead) {
        const int allowed = reached ? c_.asked.service->retry : most_unsent_tries;
        const int used = reached ? ++c_.result.retries : ++unsent_;
        if (used > allowed || c_.nobody_listens()) {
            c_.fail(Refusal::pod_died, died_text(dead));
            co_return nullptr;
        }
        if (reached) c_.asked.service->metrics->retries.fetch_add(1, std::memory_order_relaxed);
        if (!task_) co_return gate_.any_pod(c_.asked.caller, router::Towards::any, Clock::now()).pod;
        if (!lease_.retry()) co_return nullptr;
        co_return co_await slot();
    }

    std::string died_text(const Backend& pod) const {
        return fmt::format("Pod {} closed the connection before the event was completed{}.", pod.name,
                           c_.result.retries > 1 ? ", and so did the one before it" : "");
    }

    GradioConversation& c_;
    Gate& gate_;
    bool task_;
    Lease lease_;
    int unsent_ = 0, waits_for_us_ = 0;
};

asio::awaitable<void> run(std::shared_ptr<GradioConversation> conversation, bool task) {
    Event event(*conversation, task);
    co_await event.run();
}

}  // namespace

void start_gradio_event(std::shared_ptr<GradioConversation> conversation, bool task) {
    auto& errands = conversation->worker.shared().errands;
    ++errands;
    asio::co_spawn(
        conversation->worker.io(), run(conversation, task),
        [conversation, &errands](std::exception_ptr error) {
            --errands;
            if (!error) return;
            try {
                std::rethrow_exception(error);
            } catch (const std::exception& e) {
                log_of(LogOf::proxy)
                    .about({{"requestId", conversation->asked.request_id},
                            {"service", conversation->asked.service->key}})
                    .error(
                        "an event of {} ended by an exception (a fault of the gateway, please report it): {}",
                        conversation->asked.service->key, e.what());
            }
            conversation->fail(Refusal::pod_nonsense, "The gateway failed on this event; its log says how.");
        });
}

}  // namespace proxy
