// The tables of `pilotlight explain --list` and `--words`, which docs/classes.md is made of.
#pragma once

#include <ostream>

#include "manifest/configuration.hpp"

namespace cli {

// The profile's rules in columns, in the order in which they are tried and still as users write them; with a
// service its own before them.
void print_rules(const manifest::Service*, router::Profile, std::ostream&);

// What the words of a rule mean, in Markdown.
void print_words(std::ostream&);

}  // namespace cli
