#include "pods/second_stage.hpp"

#include <algorithm>

namespace pods {

namespace {

constexpr std::string_view not_mounted_body = R"({"detail":"Not Found"})";

// Flags come as arguments, in a command for a shell, or in a variable such as COMMANDLINE_ARGS.
bool mentions(const Container& container, std::string_view flag) {
    const auto has = [&](std::string_view text) {
        for (auto at = text.find(flag); at != std::string_view::npos; at = text.find(flag, at + 1)) {
            const auto end = at + flag.size();
            const bool begins = at == 0 || text[at - 1] == ' ' || text[at - 1] == '"' || text[at - 1] == '\'';
            const bool ends = end == text.size() || text[end] == ' ' || text[end] == '"' || text[end] == '\'';
            if (begins && ends) return true;
        }
        return false;
    };
    return std::ranges::any_of(container.args, has) || std::ranges::any_of(container.command, has) ||
           std::ranges::any_of(container.env, has, &EnvVar::value);
}

bool is_bare(const Container& container) {
    return !container.readiness || std::holds_alternative<TcpSocketAction>(container.readiness->action);
}

}  // namespace

std::optional<SecondStage> second_stage(const Container& container, std::string_view profile,
                                        std::optional<Duration> own_silence, Duration usual_silence) {
    const auto silence = own_silence.value_or(usual_silence);
    if (silence <= Duration{0} || profile == "strict" || !is_bare(container)) return std::nullopt;
    SecondStage stage;
    stage.window = mount_window;
    if (profile == "comfyui" || profile == "gradio") {  // their ports open last and fear no request
        stage.path = profile == "comfyui" ? "/system_stats" : "/config";
        stage.silence = own_silence.value_or(Duration{0});
        return stage;
    }
    if (mentions(container, "--nowebui")) return std::nullopt;
    stage.path = "/sdapi/v1/progress?skip_current_image=true";  // mounted last, takes no lock and no GPU
    stage.silence = silence;
    if (!mentions(container, "--api")) stage.window = mount_window_unsaid;
    return stage;
}

bool is_not_mounted(unsigned status, bool has_process_time, std::string_view body) {
    return status == 404 && !has_process_time && body == not_mounted_body;
}

}  // namespace pods
