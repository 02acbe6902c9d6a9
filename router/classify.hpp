// What a request costs a pod, by the first rule that matches (PRODUCT.md section 6). Pure.
// Here the rules for AUTOMATIC1111's API and page; other dialects' come with their features.
#pragma once

#include <string_view>

namespace router {

enum class Class : unsigned char {
    generation,  // G: takes a slot, waits for it, is demand
    light,       // L: no slot, no demand, wakes nothing
    navigation,  // N: light that may wake a pod
    denied,      // D
};

constexpr char letter(Class c) {
    return "GLND"[static_cast<int>(c)];
}

enum class Profile : unsigned char { automatic, strict };

struct Classified {
    Class what;
    std::string_view rule;  // the rule that decided, as users write it
};

// `path` is the target up to '?'. With `strict` everything takes a slot, as in plain Knative.
Classified classify(Profile, std::string_view method, std::string_view path, std::string_view accept);

}  // namespace router
