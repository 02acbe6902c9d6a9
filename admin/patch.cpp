#include "admin/patch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <vector>

namespace admin {
namespace {

using Pointer = std::vector<std::string>;

// RFC 6901
Pointer pointer(std::string_view text) {
    Pointer out;
    if (text.empty()) return out;
    if (text.front() != '/')
        throw BadPatch(fmt::format("\"{}\" is no JSON pointer: it begins with /", text.substr(0, 100)));
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '/') {
            out.emplace_back();
        } else if (text[i] != '~') {
            out.back() += text[i];
        } else {
            const char code = i + 1 < text.size() ? text[++i] : ' ';
            if (code != '0' && code != '1')
                throw BadPatch(
                    fmt::format("\"{}\" is no JSON pointer: after ~ comes 0 or 1", text.substr(0, 100)));
            out.back() += code == '0' ? '~' : '/';
        }
    }
    return out;
}

std::size_t place_in(const json::array& array, const std::string& token, bool may_be_new) {
    const auto most = may_be_new ? array.size() + 1 : array.size();
    if (token == "-" && may_be_new) return array.size();
    std::size_t out = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
    const bool canonical = token.size() == 1 || (!token.empty() && token[0] != '0');
    if (error != std::errc{} || end != token.data() + token.size() || !canonical)
        throw BadPatch(fmt::format("\"{}\" is no place in a list", token.substr(0, 100)));
    if (out >= most) throw BadPatch(fmt::format("the list has no place {}", out));
    return out;
}

json::value& child(json::value& parent, const std::string& token) {
    if (auto* object = parent.if_object())
        if (auto* found = object->if_contains(token)) return *found;
    if (auto* array = parent.if_array()) return (*array)[place_in(*array, token, false)];
    throw BadPatch(fmt::format("there is no \"{}\" where the patch looks for it", token.substr(0, 100)));
}

json::value& walk(json::value& document, const Pointer& path, std::size_t steps) {
    auto* at = &document;
    for (std::size_t i = 0; i < steps; ++i) at = &child(*at, path[i]);
    return *at;
}

json::value& existing(json::value& document, const Pointer& path) {
    return walk(document, path, path.size());
}

std::size_t height(const json::value& value) {
    std::size_t most = 0;
    if (const auto* object = value.if_object())
        for (const auto& field : *object) most = std::max(most, height(field.value()));
    if (const auto* array = value.if_array())
        for (const auto& item : *array) most = std::max(most, height(item));
    return most + 1;
}

void add(json::value& document, const Pointer& path, json::value value) {
    if (path.size() + height(value) > deepest)
        throw BadPatch(fmt::format("the patch makes an object of more than {} levels", deepest));
    if (path.empty()) {
        document = std::move(value);
        return;
    }
    auto& parent = walk(document, path, path.size() - 1);
    const auto& last = path.back();
    if (auto* object = parent.if_object()) {
        (*object)[last] = std::move(value);
    } else if (auto* array = parent.if_array()) {
        const auto place = place_in(*array, last, true);
        array->insert(array->begin() + static_cast<std::ptrdiff_t>(place), std::move(value));
    } else {
        throw BadPatch(
            fmt::format("\"{}\" cannot be added: it would be in no object and no list", last.substr(0, 100)));
    }
}

json::value take(json::value& document, const Pointer& path) {
    if (path.empty()) throw BadPatch("the whole object cannot be taken away by a patch");
    auto& parent = walk(document, path, path.size() - 1);
    auto out = child(parent, path.back());
    if (auto* object = parent.if_object()) object->erase(path.back());
    if (auto* array = parent.if_array())
        array->erase(array->begin() + static_cast<std::ptrdiff_t>(place_in(*array, path.back(), false)));
    return out;
}

std::string_view member(const json::object& operation, std::string_view name) {
    const auto* value = operation.if_contains(name);
    if (value == nullptr || !value->is_string())
        throw BadPatch(fmt::format("an operation of a JSON patch needs a text as its \"{}\"", name));
    return value->get_string();
}

const json::value& value_of(const json::object& operation) {
    const auto* value = operation.if_contains("value");
    if (value == nullptr) throw BadPatch("an operation of a JSON patch lacks its \"value\"");
    return *value;
}

void move(json::value& document, const Pointer& from, const Pointer& to) {
    if (to.size() > from.size() && std::equal(from.begin(), from.end(), to.begin()))
        throw BadPatch("a value cannot be moved into itself");
    add(document, to, take(document, from));
}

void carry_out(json::value& document, const json::object& operation, std::size_t& copied) {
    const auto kind = member(operation, "op");
    const auto path = pointer(member(operation, "path"));
    if (kind == "add") {
        add(document, path, value_of(operation));
    } else if (kind == "remove") {
        take(document, path);
    } else if (kind == "replace") {
        existing(document, path) = value_of(operation);
    } else if (kind == "move") {
        move(document, pointer(member(operation, "from")), path);
    } else if (kind == "copy") {
        auto value = existing(document, pointer(member(operation, "from")));
        copied += json::serialize(value).size();
        if (copied > most_copied) throw BadPatch("the JSON patch copies more than 3 MiB");
        add(document, path, std::move(value));
    } else if (kind == "test") {
        if (!same(existing(document, path), value_of(operation)))
            throw FailedTest(
                fmt::format("the JSON patch's test of \"{}\" failed", member(operation, "path")));
    } else {
        throw BadPatch(fmt::format("\"{}\" is no operation of a JSON patch", kind.substr(0, 100)));
    }
}

}  // namespace

void merge_patch(json::value& target, const json::value& patch) {
    if (!patch.is_object()) {
        target = patch;
        return;
    }
    if (!target.is_object()) target = json::object();
    auto& object = target.get_object();
    for (const auto& [name, value] : patch.get_object()) {
        if (value.is_null())
            object.erase(name);
        else
            merge_patch(object[name], value);
    }
}

void json_patch(json::value& document, const json::value& operations) {
    const auto* all = operations.if_array();
    if (all == nullptr) throw BadPatch("a JSON patch is a list of operations");
    if (all->size() > most_operations)
        throw BadPatch(fmt::format("a JSON patch has at most {} operations", most_operations));
    std::size_t copied = 0;
    for (const auto& operation : *all) {
        if (!operation.is_object()) throw BadPatch("an operation of a JSON patch is an object");
        carry_out(document, operation.get_object(), copied);
    }
}

bool same(const json::value& a, const json::value& b) {
    if (a.is_object() && b.is_object()) {
        const auto &left = a.get_object(), &right = b.get_object();
        return left.size() == right.size() && std::ranges::all_of(left, [&](const auto& field) {
                   const auto* other = right.if_contains(field.key());
                   return other != nullptr && same(field.value(), *other);
               });
    }
    if (a.is_array() && b.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), same);
    return a == b;
}

const json::value* find(const json::value& document, std::initializer_list<std::string_view> path) {
    const auto* at = &document;
    for (const auto name : path) {
        const auto* object = at->if_object();
        at = object == nullptr ? nullptr : object->if_contains(name);
        if (at == nullptr) return nullptr;
    }
    return at;
}

std::string_view text(const json::value& document, std::initializer_list<std::string_view> path) {
    const auto* value = find(document, path);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

}  // namespace admin
