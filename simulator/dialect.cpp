#include "simulator/dialect.hpp"

namespace simulator {

std::optional<Dialect> find_dialect(std::string_view name) {
    if (name == "a1111") return a1111();
    if (name == "forge") return forge();
    if (name == "sdnext") return sdnext();
    if (name == "gradio5") return gradio5();
    if (name == "sdcpp") return sdcpp();
    if (name == "comfy") return comfy();
    return std::nullopt;
}

std::string_view dialect_names() {
    return "a1111, forge, sdnext, gradio5, sdcpp or comfy";
}

}  // namespace simulator
