// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/fair/rules.h"

#include <stdlib.h>

static uint32_t rule_burst(uint32_t burst, uint32_t a_second)
{
	return burst ? burst : RTE_MAX(a_second / 10, 1u);
}

static void rule_fill(struct rule *rule, const struct config_limits *limits, uint64_t tsc_hz)
{
	meter_profile(
		&rule->requests, limits->rate, rule_burst(limits->burst, limits->rate), tsc_hz);
	meter_profile(
		&rule->rows, limits->rows, rule_burst(limits->rows_burst, limits->rows), tsc_hz);
	rule->stretch = limits->share ? RULES_SHARE_ONE / limits->share : 0;
	rule->a_second = limits->rate;
}

static uint32_t rule_prefix(const struct config_client *client)
{
	// A key is but itself: it never meets a network.
	return client->key ? 64 : client->network.prefix_length;
}

static void rule_match_fill(struct rule_match *match, const struct config_client *client)
{
	const struct config_address *network = &client->network;
	const uint64_t of_kind = 0xff;
	uint64_t ipv6;

	match->mask.where = of_kind;
	if (client->key) {
		match->value = (struct client){ CLIENT_KEY, client->key };
		match->mask.who = UINT64_MAX;
		return;
	}
	if (network->is_ipv6) {
		const uint32_t bits = RTE_MIN(network->prefix_length, 64u);

		memcpy(&ipv6, &network->ipv6, sizeof(ipv6));
		match->mask.who = bits ? UINT64_MAX << (64 - bits) : 0;
		match->value = (struct client){ CLIENT_IPV6, rte_be_to_cpu_64(ipv6) };
	} else {
		const uint32_t bits = RTE_MIN(network->prefix_length, 32u);

		match->mask.who = bits ? (UINT32_MAX << (32 - bits)) & UINT32_MAX : 0;
		match->value = (struct client){ CLIENT_IPV4, ntohl(network->ipv4.s_addr) };
	}
	match->value.who &= match->mask.who;
}

// Where two are as long, the first of the list holds.
static void rules_add_matches(struct rules *rules, const struct config_clients *config)
{
	for (uint32_t bits = 65; bits-- > 0;)
		for (uint32_t i = 0; i < config->n_list; i++) {
			struct rule_match *match = &rules->matches[rules->n_matches];

			if (rule_prefix(&config->list[i]) != bits)
				continue;
			rule_match_fill(match, &config->list[i]);
			match->rule = 1 + i;
			rules->n_matches++;
		}
}

int rules_create(const struct config_clients *config, uint64_t generation, uint64_t tsc_hz,
	struct rules **out, struct error *err)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	*out = NULL;
	if (!rules)
		return error_set(err, -ENOMEM, "no memory for the limits of clients");
	rules->generation = generation;
	rule_fill(&rules->rules[0], &config->limits, tsc_hz);
	for (uint32_t i = 0; i < config->n_list; i++) {
		rule_fill(&rules->rules[1 + i], &config->list[i].limits, tsc_hz);
		rules->rules[1 + i].is_named = true;
	}
	rules_add_matches(rules, config);
	for (uint32_t i = 0; i <= config->n_list; i++) {
		const struct rule *rule = &rules->rules[i];

		rules->has_rates |= !meter_is_off(&rule->requests) || !meter_is_off(&rule->rows);
		rules->has_shares |= rule->stretch > 0;
	}
	if (rules->has_rates || rules->has_shares)
		*out = rules;
	else
		free(rules);
	return 0;
}

void rules_destroy(struct rules *rules)
{
	free(rules);
}

uint32_t rules_find(const struct rules *rules, const struct client *client)
{
	for (uint32_t i = 0; i < rules->n_matches; i++) {
		const struct rule_match *match = &rules->matches[i];

		if ((client->where & match->mask.where) == match->value.where &&
			(client->who & match->mask.who) == match->value.who)
			return match->rule;
	}
	return 0;
}
