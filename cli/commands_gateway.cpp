#include "cli/command_table.hpp"

namespace cli::table {
namespace {

const Flag name_space{.brief = 'n',
                      .full = "--namespace",
                      .value = "NS",
                      .text = "of this namespace (default: default)",
                      .means = Means::name_space};

// Where the gateway is, and who we are to it.
std::vector<Flag> with_connection(std::vector<Flag> flags) {
    const std::vector<Flag> connection{
        {.full = "--server",
         .value = "URL",
         .text = "the admin address (default: http://127.0.0.1:9901)",
         .variable = "PILOTLIGHT_SERVER"},
        {.full = "--token-file",
         .value = "FILE",
         .text = "a file with the admin token on its first line",
         .means = Means::file,
         .variable = "PILOTLIGHT_TOKEN_FILE"},
        {.full = "--ca-file",
         .value = "FILE",
         .text = "whose certificates are believed, for https (default: the system's)",
         .means = Means::file,
         .variable = "PILOTLIGHT_CA_FILE"},
        {.full = "--client-certificate",
         .value = "FILE",
         .text = "our own certificate, where the gateway asks for one",
         .means = Means::file,
         .variable = "PILOTLIGHT_CLIENT_CERTIFICATE"},
        {.full = "--client-key",
         .value = "FILE",
         .text = "and its key",
         .means = Means::file,
         .variable = "PILOTLIGHT_CLIENT_KEY"}};
    flags.insert(flags.end(), connection.begin(), connection.end());
    return flags;
}

Command get() {
    return {
        .name = "get",
        .words = "KIND [NAME]",
        .summary = "list pods, services, revisions or events of a running gateway; -w watches",
        .about =
            R"(Shows what a running gateway has, in the columns of kubectl. KIND is pods, services, revisions, events,
domainmappings, routes, configurations or namespaces.)",
        .examples = R"(  pilotlight get pods                        the pods of namespace default
  pilotlight get pods -A -o wide             of all namespaces, with address, GPU, slots and sessions
  pilotlight get pods -w                     and then a row for every change, until Ctrl-C
  pilotlight get services                    URL and state of each service
  pilotlight get revisions -o wide           pods wanted and ready, and why so many
  pilotlight get events -w                   what happens, as it happens
  pilotlight get pod NAME -o yaml            one object, whole
  pilotlight get pods -o json | jq '.items[].status.podIP'
)",
        .flags = with_connection({name_space,
                                  {.brief = 'A', .full = "--all-namespaces", .text = "of all namespaces"},
                                  {.brief = 'l',
                                   .full = "--selector",
                                   .value = "EXPR",
                                   .text = "only those with these labels, as app=x,tier!=y"},
                                  {.brief = 'o',
                                   .full = "--output",
                                   .value = "FORM",
                                   .text = "",
                                   .means = Means::choice,
                                   .choices = "wide json yaml name"},
                                  {.brief = 'w', .full = "--watch", .text = "print changes as they happen"},
                                  {.full = "--no-headers", .text = "rows only"}}),
        .means = {Means::kind, Means::name},
        .choices = "pods services revisions events domainmappings routes configurations namespaces"};
}

Command top() {
    return {
        .name = "top",
        .words = "[SERVICE]",
        .summary = "watch services, pods and queue of a running gateway, live",
        .about =
            R"(Shows a running gateway live: each service with its queue and the autoscaler's reason, each pod as a bar of what it
did in the last minutes. Once, as a plain table, where the output is no terminal.)",
        .examples = R"(  pilotlight top                     all services, a new picture every second
  pilotlight top knative-sd-demo     one service; NAMESPACE/NAME where two have the name
  pilotlight top --once              one table, as in a script
  pilotlight top -n 10 | tee seen    ten of them, one a second
  pilotlight top -o json | jq '.services[] | {name, waiting, reason}'
)",
        .flags = with_connection({{.brief = 'n',
                                   .full = "--iterations",
                                   .value = "N",
                                   .text = "so many pictures, one a second, then the end"},
                                  {.full = "--once", .text = "one plain table: -n 1"},
                                  {.brief = 'o',
                                   .full = "--output",
                                   .value = "FORM",
                                   .text = "for programs; one document, or -n of them",
                                   .means = Means::choice,
                                   .choices = "json"}}),
        .means = {Means::service},
        .notes = R"(Keys: arrows or 1 to 9 choose a service, 0 or Escape shows all again, q or Ctrl-C ends.
Bars: . starting, - idle, # busy, = draining, ! failed; the right end is now.
NO_COLOR=1 turns colours off; on a dumb terminal (TERM=dumb) one table is printed.
)"};
}

Command logs() {
    return {
        .name = "logs",
        .words = "POD",
        .summary = "print what a pod has written; -f goes on",
        .about = "Prints what a pod of a running gateway has written to its output.",
        .examples = R"(  pilotlight logs sd-00001-0              all that is kept of it
  pilotlight logs sd-00001-0 --tail 20    the last 20 lines
  pilotlight logs -f sd-00001-0           and on, as it is written, until Ctrl-C or the pod's end
  pilotlight logs --since 10m sd-00001-0  what was written in the last ten minutes
)",
        .flags = with_connection(
            {name_space,
             {.brief = 'f', .full = "--follow", .text = "go on as the log grows"},
             {.full = "--tail", .value = "N", .text = "the last N lines only"},
             {.full = "--since", .value = "TIME", .text = "what was written since then: 30s, 10m or 2h ago"},
             {.full = "--timestamps", .text = "each line with when it was written, to a tenth of a second"}}),
        .means = {Means::pod}};
}

Command log_level() {
    return {
        .name = "log-level",
        .words = "[SUBSYSTEM LEVEL]",
        .summary = "how much the gateway's own log says, by subsystem, and more or less of it for a while",
        .about =
            "Shows how much each subsystem of a running gateway's own log says, or changes it for a while.",
        .examples = R"(  pilotlight log-level                 what is in force
  pilotlight log-level pods debug      more about pods
  pilotlight log-level all warn        less of everything
  pilotlight log-level pods default    as the manifest says
  pilotlight log-level --reset         everything as the manifest says
)",
        .flags = with_connection({{.full = "--reset", .text = "everything as the manifest says"}}),
        .means = {Means::hint, Means::anything},
        .choices = "proxy scaler pods admin tls config trace all",
        .notes = R"(Levels: trace, debug, info, warn, error, off; default is what the manifest says.
What is set here holds until the next reload (SIGHUP), restart or upgrade; for longer: spec.log of the Gateway manifest.
)"};
}

Command scale() {
    return {
        .name = "scale",
        .words = "SERVICE --replicas N|--auto",
        .summary = "so many pods, whatever the autoscaler wants",
        .about = "Sets how many pods a service has, whatever the autoscaler wants; or lets it decide again.",
        .examples = R"(  pilotlight scale knative-sd-demo --replicas 3
  pilotlight scale knative-sd-demo --replicas 0    its requests are answered 503 at once
  pilotlight scale knative-sd-demo --auto
)",
        .flags = with_connection(
            {{.full = "--replicas",
              .value = "N",
              .text = "exactly N pods; with 0 the service's requests are answered 503 at once"},
             {.full = "--auto", .text = "the autoscaler decides again"},
             name_space}),
        .means = {Means::service}};
}

Command kubeconfig() {
    auto ours = name_space;
    ours.text = "the namespace that is meant when none is named (default: default)";
    return {
        .name = "kubeconfig",
        .summary = "print a file with which kubectl and kn talk to a running gateway",
        .about =
            R"(Prints a kubeconfig with which kubectl and kn find the gateway and are let in. It holds the token: keep it as one.)",
        .examples = R"(  pilotlight kubeconfig > pilotlight.kubeconfig
  pilotlight kubeconfig --server https://gpu.example.org:9901 --token-file token --ca-file ca.pem > k && chmod 600 k
  kubectl --kubeconfig k get pods -w
)",
        .flags = with_connection({ours}),
        .notes = "kubectl sends tokens over https only. The token may also be in $PILOTLIGHT_ADMIN_TOKEN.\n"};
}

}  // namespace

std::vector<Command> of_a_gateway() {
    return {top(), get(), logs(), log_level(), scale(), kubeconfig()};
}

}  // namespace cli::table
