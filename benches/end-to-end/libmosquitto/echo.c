/* One client of the comparison against a real broker: libmosquitto. It sends messages to itself through the broker, at most WINDOW of which are under
 * way at a time, and prints the seconds and the seconds of processor time that all of them took.
 * Usage: echo PORT QOS COUNT WINDOW */
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *TOPIC = "bench/libmosquitto";
static char payload[64];
static int qos, count, window, sent, received;
static double wall, cpu;

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void publish(struct mosquitto *client) {
    if (sent < count) {
        if (mosquitto_publish(client, NULL, TOPIC, sizeof payload, payload, qos, false) != MOSQ_ERR_SUCCESS)
            exit(3);
        sent++;
    }
}

static void on_connect(struct mosquitto *client, void *context, int code) {
    (void)context;
    if (code != 0 || mosquitto_subscribe(client, NULL, TOPIC, qos) != MOSQ_ERR_SUCCESS)
        exit(3);
}

static void on_subscribe(struct mosquitto *client, void *context, int id, int granted_count, const int *granted) {
    (void)context, (void)id, (void)granted_count, (void)granted;
    wall = now(CLOCK_MONOTONIC);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < window; i++)
        publish(client);
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *message) {
    (void)context;
    if (message->payloadlen != (int)sizeof payload)
        exit(3);
    received++;
    if (received == count) {
        printf("%.6f %.6f\n", now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
        exit(0);
    }
    publish(client);
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    int port = atoi(argv[1]);
    qos = atoi(argv[2]);
    count = atoi(argv[3]);
    window = atoi(argv[4]);
    memset(payload, 7, sizeof payload);
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("libmosquitto", true, NULL);
    if (!client)
        return 3;
    mosquitto_max_inflight_messages_set(client, window);
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, on_message);
    if (mosquitto_connect(client, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS)
        return 3;
    return mosquitto_loop_forever(client, -1, 1) == MOSQ_ERR_SUCCESS ? 1 : 3;
}
