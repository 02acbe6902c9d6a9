#include "proxy/traffic/stopper.hpp"

#include <boost/asio.hpp>

namespace proxy {

namespace {
constexpr std::chrono::milliseconds again_after{500};
constexpr std::chrono::seconds patience{5};  // an A1111 that samples answers in milliseconds
}  // namespace

Question webui_interrupt(std::string_view host) {
    Question question;
    question.method = "POST";
    question.target = "/sdapi/v1/interrupt";
    question.host = host;
    return question;
}

std::optional<Question> interrupt_for(const RequestHead& head) {
    auto question = webui_interrupt(head.host());
    question.authorization = head.first("Authorization");
    const auto path = head.path();
    if (path.starts_with("/sdapi/v1/")) return question;
    if (path != "/prompt" && path != "/api/prompt") return std::nullopt;
    question.target = "/interrupt";
    return question;
}

// Shared with the coroutine that asks, which may outlive an errand that a stop of the gateway ends.
struct Stopper::State {
    State(Worker& of, Question what, std::shared_ptr<const Backend> whom)
        : worker(of),
          question(std::move(what)),
          pod(std::move(whom)),
          pause(of.io(), TimePoint::max()),
          idle(of.io(), TimePoint::max()) {}
    Worker& worker;
    Question question;
    std::shared_ptr<const Backend> pod;
    Waiter::Timer pause;  // between two interrupts
    Waiter::Timer idle;   // rings when the last one is over
    bool running = false;
    bool over = false;
};

Stopper::Stopper(Worker& worker, Question question, std::shared_ptr<const Backend> pod)
    : state_(std::make_shared<State>(worker, std::move(question), std::move(pod))) {}

Stopper::~Stopper() {
    state_->over = true;
    state_->pause.cancel();
}

void Stopper::begin() {
    if (state_->running || state_->over) return;
    state_->running = true;
    asio::co_spawn(state_->worker.io(), run(state_), asio::detached);
}

asio::awaitable<void> Stopper::run(std::shared_ptr<State> state) {
    while (!state->over && !state->worker.stopped()) {
        co_await ask(state->worker, *state->pod, state->question, Clock::now() + patience);
        if (state->over) break;
        state->pause.expires_after(again_after);
        co_await state->pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    state->running = false;
    state->idle.expires_at(TimePoint::min());
}

asio::awaitable<void> Stopper::finished() {
    state_->over = true;
    state_->pause.cancel();
    while (state_->running) co_await state_->idle.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace proxy
