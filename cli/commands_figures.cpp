#include "cli/command_table.hpp"

namespace cli::table {
namespace {

Command hash_key() {
    return {
        .name = "hash-key",
        .summary = "make a key that opens a service or the admin address, and its hash for the manifest",
        .about =
            R"(Makes keys for spec.access of a Gateway: docs/access.md. The key is for its user, the hash for the manifest.)",
        .examples = R"(  # A new key, with its hash
  pilotlight hash-key

  # The hash of a password (Basic), or of a key that you have, on the first line of standard input
  pilotlight hash-key --password < password.txt
  pilotlight hash-key --key < key.txt
)",
        .flags = {{.full = "--password", .text = "hash the password on the first line of standard input"},
                  {.full = "--key", .text = "hash the key on the first line of standard input"}},
        .notes = "Nothing secret is taken from the command line: others see it in the list of processes.\n"};
}

Command simulate() {
    return {
        .name = "simulate",
        .words = "--trace FILE",
        .summary = "what a trace of requests would cost, and how long they would wait",
        .about =
            R"(Runs a trace of requests in virtual time through the gateway's own queue and autoscaler, and says what it costs in
GPU-seconds and how long the requests wait. A day takes less than a second.)",
        .examples =
            R"(  # Knative's autoscaler against break-even scaling: a cold start of 30 s, at most 10 pods
  pilotlight simulate --trace tests/data/traces/sg_img_c21.csv --cold 30 --class kpa --class break-even \
      --set max-scale=10

  # The gateway's own access log, and what a cold start spared is worth
  pilotlight serve -f conf/ --access-log access.json
  pilotlight simulate --trace access.json --cold 52 --class break-even --set cold-start-worth=90s --set spare=1

  # A pod through office hours: what does it cost, what does it spare?
  pilotlight simulate --trace access.json --cold 52 --class break-even --start 2026-01-05T00:00:00+01:00 \
      --set 'warm-hours=Mon-Fri 08:00-18:00 1'

  # A picture: demand, pods and waits over time
  pilotlight simulate --trace access.json --cold 52 --class kpa --class break-even --plot day.svg
)",
        .flags =
            {{.full = "--trace",
              .value = "FILE",
              .text =
                  "CSV with the columns arrival_s,service_s (seconds), or a JSON access log; - reads stdin",
              .means = Means::file},
             {.full = "--cold",
              .value = "SECONDS",
              .text = "from a pod's creation to its readiness (default: 30)"},
             {.full = "--class",
              .value = "CLASS",
              .text = "kpa (default), break-even, or keep-alive:60s (a pod for each request, each kept idle "
                      "so long; "
                      "only to compare with). Several are compared",
              .means = Means::hint,
              .choices = "kpa break-even keep-alive:60s"},
             {.full = "--set",
              .value = "ANNOTATION=VALUE",
              .text = "as in a manifest; autoscaling.knative.dev/ and pilotlight.dev/ may be left out"},
             {.full = "--start",
              .value = "TIME",
              .text = "when the trace's second 0 was, as 2026-01-05T00:00:00Z or ...+02:00, for warm-hours"},
             {.full = "--container-concurrency", .value = "N", .text = "slots of a pod (default: 1)"},
             {.full = "--service",
              .value = "NAMESPACE/NAME",
              .text = "whose requests, where an access log has several"},
             {.full = "--json", .text = "for programs"},
             {.full = "--plot", .value = "FILE.svg", .text = "draw it", .means = Means::file}},
        .notes =
            R"(Bounds that no policy goes below: all service and one cold start; and, if nobody is ever to wait, each pod either idle
through a gap or started anew after it, whichever is cheaper (without a maximum of pods).
Exit codes: 0 ok, 1 a file cannot be read or written, 2 wrong usage.
)"};
}

Command replay_kpa() {
    return {
        .name = "replay-kpa",
        .words = "FILE...",
        .summary = "replay recordings of Knative's autoscaler against this one",
        .about = "Replays recordings of Knative's own autoscaler against this one and compares every column.",
        .examples = R"(  # One recording
  pilotlight replay-kpa tests/data/kpa/ack_step_0_to_5.json

  # All of a folder: every *.json in it
  pilotlight replay-kpa tests/data/kpa
)",
        .means = {Means::file},
        .notes =
            R"(For each file one line, "NAME ok", or the first tick and column that differ with both values:

  ack_step_0_to_5 differs: tick t=13, desired_pods: file 6, replayed 5

Seconds count from the start of the recording. tests/data/kpa/README.md describes the files.
Exit codes: 0 all agree, 1 one differs, 2 wrong usage or a file that cannot be read.
)"};
}

Command completion() {
    return {
        .name = "completion",
        .words = "bash|zsh|fish",
        .summary = "print what a shell needs to complete commands, flags, files and names of pods",
        .about =
            R"(Prints what a shell needs to complete commands, flags and their values, files, and the names that a running gateway
knows. The Debian package installs it.)",
        .examples = R"(  # bash: now, or for good
  source <(pilotlight completion bash)
  pilotlight completion bash > ~/.local/share/bash-completion/completions/pilotlight

  # zsh: a folder of $fpath
  pilotlight completion zsh > "${fpath[1]}/_pilotlight"

  # fish
  pilotlight completion fish > ~/.config/fish/completions/pilotlight.fish
)",
        .means = {Means::choice},
        .choices = "bash zsh fish"};
}

// What the shells' scripts call.
Command complete() {
    return {
        .name = "__complete", .words = "-- WORDS...", .summary = "", .about = "For shells.", .hidden = true};
}

Command version() {
    return {.name = "version", .summary = "print the version", .about = "Prints the version."};
}

}  // namespace

std::vector<Command> of_figures() {
    return {hash_key(), simulate(), replay_kpa(), completion(), complete(), version()};
}

}  // namespace cli::table
