// What several tests of manifests need.
#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/load.hpp"

namespace manifest::test {

inline std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline Loaded load_text(std::string text) {
    const std::vector<Source> sources{{"a.yaml", std::move(text)}};
    return load(sources);
}

// All problems, a line each.
inline std::string lines(const std::vector<Problem>& problems) {
    std::string text;
    for (const auto& problem : problems) text += to_string(problem) + "\n";
    return text;
}

// A Service named sd with these annotations on its template ("key: value" each), and this much more in its
// template's spec.
inline std::string service_with(const std::vector<std::string>& annotations, std::string_view more = "") {
    std::string text =
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: sd}\nspec:\n  template:\n"
        "    metadata:\n      annotations:\n        example.com/a: b\n";
    for (const auto& annotation : annotations) text += "        " + annotation + "\n";
    text += "    spec:\n";
    if (!more.empty()) text += "      " + std::string(more) + "\n";
    return text + "      containers: [{image: sd:1, command: [sd]}]\n";
}

inline std::string problems_in(const std::string& text) {
    return lines(load_text(text).problems);
}

// The annotations begin on line 9.
inline std::string problems_of(const std::vector<std::string>& annotations) {
    return problems_in(service_with(annotations));
}

// A Gateway with this spec in flow style, e.g. "{workers: 2}".
inline std::string gateway_with(std::string_view spec) {
    return "apiVersion: pilotlight.dev/v1\nkind: Gateway\nspec: " + std::string(spec) + "\n";
}

}  // namespace manifest::test
