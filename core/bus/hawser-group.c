/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shared subscriptions (MQTT 5.0 section 4.8.2): a group is a receiver of its own, with one filter and one queue, so that
 * ordinary routes know nothing of it; what reaches it goes to one of its members. Remembered here is who has what and
 * has not acknowledged it: when a member leaves, that goes to another one. A group of which a member is durable is
 * durable: while nobody is there its queue waits, in the journal if there is one. Context: the bus's lane. */

#include "hawser-bus-private.h"
#include "hawser-group-private.h"

#include <string.h>

#include "hawser-receiver-private.h"
#include "hawser-topic-raw.h"

#define PREFIX "$share/"
#define CANDIDATES 8                 /* compared by load; a larger group takes turns beyond these */
#define MAX_PARKED 10000             /* that only members who are away may read */

struct _HawserGroup {
  HawserBus *bus;
  char *text;                        /* PREFIX NAME/FILTER */
  gsize filter_at;                   /* where FILTER begins in it */
  HawserReceiver *receiver;
  GPtrArray *members;
  guint n_attached;
  guint next;                        /* whose turn it is */
  GHashTable *given;                 /* token -> Given */
  GHashTable *held;                  /* journal position -> Given of a member that is away and will come back for it */
  HawserQueue returned;              /* were given to one who left; before all others */
  HawserQueue parked;
  guint32 next_token;
};

/* A message that a member has and has not acknowledged. */
typedef struct {
  guint64 token;
  HawserMember *member;
  HawserQueueEntry entry;
} Given;

static void
free_given (gpointer data)
{
  Given *given = data;

  hawser_message_unref (given->entry.message);
  g_free (given);
}

gboolean
hawser_group_parse (const char *text, gsize len, gsize *out_filter_at)
{
  gsize prefix = strlen (PREFIX), at;

  if (len <= prefix || memcmp (text, PREFIX, prefix) != 0)
    return FALSE;
  for (at = prefix; at < len && text[at] != '/'; at++)
    if (text[at] == '+' || text[at] == '#')
      return FALSE; /* [MQTT-4.8.2-2] */
  if (at == prefix || at + 1 >= len || !hawser_topic_filter_check (text + at + 1, len - at - 1) ||
      hawser_topic_filter_is_shared_raw (text + at + 1, len - at - 1))
    return FALSE;
  *out_filter_at = at + 1;
  return TRUE;
}

const char *
hawser_group_get_text (HawserGroup *self)
{
  return self->text;
}

char *
hawser_group_dup_name (HawserGroup *self)
{
  gsize prefix = strlen (PREFIX);

  return g_strndup (self->text + prefix, self->filter_at - 1 - prefix);
}

guint
hawser_group_get_n_members (HawserGroup *self)
{
  guint n = 0;

  for (guint i = 0; i < self->members->len; i++)
    n += !((HawserMember *) self->members->pdata[i])->is_leaving;
  return n;
}

/* ---- Who gets it ---- */

gboolean
hawser_group_may_receive (HawserGroup *self, HawserLocalTopic *settings, const char *topic)
{
  for (guint i = 0; i < self->members->len; i++)
    {
      HawserMember *member = self->members->pdata[i];

      if (!member->is_leaving && hawser_receiver_may_read (member->receiver, &self->bus->authority, settings, topic))
        return TRUE;
    }
  return FALSE;
}

static gboolean
is_allowed (HawserMember *member, HawserMessage *message)
{
  HawserBus *bus = member->group->bus;

  return G_LIKELY (bus->authority.is_open) ||
         hawser_receiver_may_read (member->receiver, &bus->authority, hawser_topic_table_find_settings (&bus->topics, message->data, message->topic_len), message->data);
}

/* The one with the fewest messages under way of the next few whose turn it is; NULL: nobody can take it now. */
static HawserMember *
choose (HawserGroup *self, HawserMessage *message)
{
  HawserMember *best = NULL;
  guint best_at = 0, n_seen = 0;

  for (guint i = 0; i < self->members->len && n_seen < CANDIDATES; i++)
    {
      guint at = (self->next + i) % self->members->len;
      HawserMember *member = g_ptr_array_index (self->members, at);

      if (!member->is_attached || member->is_busy || member->is_leaving || member->has_refused || !is_allowed (member, message))
        continue;
      n_seen++;
      if (best == NULL || member->n_given < best->n_given)
        {
          best = member;
          best_at = at;
        }
    }
  if (best != NULL)
    self->next = best_at + 1;
  return best;
}

static HawserDeliverResult
give_to (HawserMember *member, const HawserQueueEntry *entry)
{
  HawserGroup *self = member->group;
  guint8 qos = MIN (member->qos, entry->qos);
  HawserDelivery delivery = {
    .message = entry->message, .qos = qos, .retain = member->retain_as_published && entry->retain,
    .is_redelivered = entry->is_redelivered, .n_ids = member->id != 0, .ids = &member->id,
    .now_us = hawser_lane_get_now_us (self->bus->lane),
  };
  guint64 token = 0;
  HawserDeliverResult result;

  if (qos > 0)
    {
      Given *given = g_new (Given, 1);

      given->token = token = HAWSER_POSITION_SHARED | (guint64) (self->receiver->serial & G_MAXINT32) << 32 | ++self->next_token;
      given->member = member;
      given->entry = *entry;
      given->entry.qos = qos;
      hawser_message_ref (entry->message);
      g_hash_table_insert (self->given, &given->token, given);
      member->n_given++;
      delivery.position = token;
    }
  result = hawser_receiver_call (member->receiver, &delivery);
  if (result == HAWSER_DELIVER_DONE)
    {
      member->receiver->n_delivered++;
      if (member->receiver->connection != NULL)
        hawser_connection_count_delivered (member->receiver->connection);
      if (qos == 0)
        hawser_receiver_forget_position (self->receiver, entry->position);
    }
  else if (qos > 0 && g_hash_table_remove (self->given, &token))
    member->n_given--;
  return result;
}

static void
park (HawserGroup *self, const HawserQueueEntry *entry)
{
  HawserQueueEntry copy = *entry, oldest;

  if (self->parked.n >= MAX_PARKED && hawser_queue_pop (&self->parked, &oldest))
    {
      hawser_receiver_forget_position (self->receiver, oldest.position);
      hawser_receiver_count_dropped (self->receiver, oldest.message, HAWSER_DROP_DENIED);
      hawser_message_unref (oldest.message);
    }
  hawser_message_ref (copy.message);
  hawser_queue_push (&self->parked, &copy);
}

/* Nobody can take it: why, and so what becomes of it. */
static HawserDeliverResult
put_off (HawserGroup *self, const HawserQueueEntry *entry)
{
  gboolean may_come_back = FALSE;

  for (guint i = 0; i < self->members->len; i++)
    {
      HawserMember *member = g_ptr_array_index (self->members, i);

      if (member->is_leaving || member->has_refused || !is_allowed (member, entry->message))
        continue;
      if (member->is_attached)
        return HAWSER_DELIVER_BUSY;
      may_come_back = TRUE;
    }
  if (!may_come_back)
    return HAWSER_DELIVER_REFUSED;
  park (self, entry);
  return HAWSER_DELIVER_DONE;
}

static HawserDeliverResult
give_to_one (HawserGroup *self, const HawserQueueEntry *entry)
{
  HawserDeliverResult result = HAWSER_DELIVER_BUSY;
  gboolean was_refused = FALSE;
  HawserMember *member;

  while ((member = choose (self, entry->message)) != NULL)
    {
      result = give_to (member, entry);
      if (result == HAWSER_DELIVER_DONE)
        break;
      member->is_busy = result == HAWSER_DELIVER_BUSY;
      member->has_refused = result == HAWSER_DELIVER_REFUSED;
      was_refused |= member->has_refused;
    }
  if (member == NULL)
    result = put_off (self, entry);
  for (guint i = 0; was_refused && i < self->members->len; i++)
    ((HawserMember *) g_ptr_array_index (self->members, i))->has_refused = FALSE;
  return result;
}

void
hawser_group_flush (HawserGroup *self)
{
  gint64 now_us = hawser_lane_get_now_us (self->bus->lane);
  HawserQueueEntry *next, entry;

  while (self->n_attached > 0 && (next = hawser_queue_peek (&self->returned)) != NULL)
    {
      gboolean is_stale = hawser_message_get_remaining_s (next->message, now_us) == 0;
      HawserDeliverResult result = is_stale ? HAWSER_DELIVER_REFUSED : give_to_one (self, next);

      if (result == HAWSER_DELIVER_BUSY)
        return;
      if (!hawser_queue_pop (&self->returned, &entry))
        return;
      if (result == HAWSER_DELIVER_REFUSED)
        hawser_receiver_forget_position (self->receiver, entry.position);
      hawser_message_unref (entry.message);
    }
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  HawserGroup *self = data;
  HawserQueueEntry entry = {
    .message = delivery->message, .position = delivery->position, .qos = delivery->qos, .retain = delivery->retain,
    .is_redelivered = delivery->is_redelivered,
  };

  if (G_UNLIKELY (delivery->position != 0 && g_hash_table_contains (self->held, &delivery->position)))
    return HAWSER_DELIVER_DONE; /* its member comes back for it */
  if (G_UNLIKELY (self->returned.n > 0))
    hawser_group_flush (self);
  if (G_UNLIKELY (self->returned.n > 0))
    return HAWSER_DELIVER_BUSY;
  return give_to_one (self, &entry);
}

static const HawserReceiverFuncs group_funcs = { deliver, NULL, NULL };

void
hawser_group_acknowledged (HawserReceiver *receiver, guint64 token)
{
  for (HawserMember *member = receiver->members; member != NULL; member = member->next)
    {
      HawserGroup *self = member->group;
      Given *given;

      if ((self->receiver->serial & G_MAXINT32) != (token >> 32 & G_MAXINT32))
        continue;
      given = g_hash_table_lookup (self->given, &token);
      if (given == NULL || given->member != member)
        return;
      hawser_receiver_forget_position (self->receiver, given->entry.position);
      g_hash_table_remove (self->held, &given->entry.position);
      g_hash_table_remove (self->given, &token);
      member->n_given--;
      if (member->is_leaving && member->n_given == 0)
        hawser_group_unsubscribe (member);
      return;
    }
}

/* ---- Members come and go ---- */

static int
compare_given (gconstpointer a, gconstpointer b)
{
  guint64 left = (*(Given *const *) a)->entry.message->sequence, right = (*(Given *const *) b)->entry.message->sequence;

  return (left > right) - (left < right);
}

static void
clear_recorded (HawserQueue *queue)
{
  HawserQueue kept = { 0 };
  HawserQueueEntry entry;

  while (hawser_queue_pop (queue, &entry))
    if (entry.position != 0)
      hawser_message_unref (entry.message);
    else
      hawser_queue_push (&kept, &entry);
  hawser_queue_clear (queue);
  *queue = kept;
}

/* What @member has goes to others: in the order it was published in, marked as given before. At QoS 2 its party may have
 * it already, so it waits for the party as long as that may come back [MQTT-4.8.2-4]; then it is over for good
 * [MQTT-4.8.2-5], unless the member's protocol knows no such rule. */
static void
take_back (HawserMember *member, gboolean for_good)
{
  HawserGroup *self = member->group;
  g_autoptr (GPtrArray) taken = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->given);
  while (member->n_given > 0 && g_hash_table_iter_next (&iter, NULL, &value))
    if (((Given *) value)->member == member)
      g_ptr_array_add (taken, value);
  g_ptr_array_sort (taken, compare_given);
  for (guint i = 0; i < taken->len; i++)
    {
      Given *given = g_ptr_array_index (taken, i);
      HawserQueueEntry entry = given->entry;

      if (entry.qos == 2 && !for_good)
        {
          if (entry.position != 0)
            g_hash_table_insert (self->held, &given->entry.position, given);
          continue;
        }
      member->n_given--;
      if (entry.position != 0)
        g_hash_table_remove (self->held, &given->entry.position);
      if (entry.qos == 2 && !member->shares_exactly_once)
        {
          hawser_receiver_forget_position (self->receiver, entry.position);
          g_hash_table_remove (self->given, &given->token);
          continue;
        }
      entry.is_redelivered = TRUE;
      hawser_message_ref (entry.message);
      hawser_queue_push (&self->returned, &entry);
      g_hash_table_remove (self->given, &given->token);
    }
}

static void
wake (HawserGroup *self)
{
  hawser_receiver_resume (self->receiver);
  if (self->returned.n > 0)
    hawser_lane_mark_dirty (self->bus->lane, &self->receiver->dirty);
}

static void
note_left (HawserMember *member, gboolean for_good)
{
  HawserGroup *self = member->group;

  take_back (member, for_good);
  if (member->is_attached)
    {
      member->is_attached = FALSE;
      self->n_attached--;
    }
  if (self->n_attached > 0)
    wake (self);
  else if (self->receiver->funcs != NULL && self->receiver->flags & HAWSER_RECEIVER_DURABLE)
    {
      /* what the journal has is read from there again when somebody comes */
      clear_recorded (&self->returned);
      clear_recorded (&self->parked);
      hawser_receiver_detach (self->receiver, G_MAXUINT32);
    }
}

static void
note_came (HawserMember *member)
{
  HawserGroup *self = member->group;
  HawserQueueEntry entry;

  member->is_busy = FALSE;
  if (member->is_attached)
    return;
  member->is_attached = TRUE;
  if (self->n_attached++ == 0)
    hawser_receiver_attach (self->receiver, NULL, &group_funcs, self);
  while (hawser_queue_pop (&self->parked, &entry))
    hawser_queue_push (&self->returned, &entry);
  wake (self);
}

static void
update_entry (HawserGroup *self)
{
  HawserEntry *entry = self->receiver->entries;
  guint8 qos = 0;

  for (guint i = 0; i < self->members->len; i++)
    qos = MAX (qos, ((HawserMember *) g_ptr_array_index (self->members, i))->qos);
  entry->qos = qos;
  hawser_receiver_renew_routes (self->receiver);
}

static HawserGroup *
group_new (HawserBus *bus, const char *text, gsize len, gsize filter_at)
{
  HawserGroup *self = g_new0 (HawserGroup, 1);
  HawserMatchNode *node;
  HawserEntry *entry;

  self->bus = bus;
  self->text = g_strndup (text, len);
  self->filter_at = filter_at;
  self->members = g_ptr_array_new ();
  self->given = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_given);
  self->held = g_hash_table_new (g_int64_hash, g_int64_equal);
  self->receiver = hawser_receiver_make (bus, self->text, HAWSER_RECEIVER_GROUP, NULL);
  self->receiver->group = self;
  g_hash_table_insert (bus->groups, self->text, self);

  node = hawser_match_tree_insert (bus->routes.filters, text + filter_at, len - filter_at);
  entry = hawser_receiver_add_entry (self->receiver, node, text + filter_at, len - filter_at);
  entry->retain_as_published = TRUE; /* each member decides for itself */
  hawser_routes_filter_changed (&bus->routes, text + filter_at, len - filter_at);
  hawser_bus_model_add_subscription (bus, entry);
  return self;
}

static HawserGroup *
need_group (HawserBus *bus, const char *text, gsize len)
{
  g_autofree char *key = g_strndup (text, len);
  HawserGroup *self = g_hash_table_lookup (bus->groups, key);
  gsize filter_at = 0;

  if (self == NULL && hawser_group_parse (text, len, &filter_at))
    self = group_new (bus, text, len, filter_at);
  return self;
}

static void
become_durable (HawserGroup *self)
{
  if (self->receiver->flags & HAWSER_RECEIVER_DURABLE)
    return;
  self->receiver->flags |= HAWSER_RECEIVER_DURABLE;
  hawser_receiver_save_now (self->receiver); /* at once: it needs its queue */
}

HawserMember *
hawser_group_find_member (HawserReceiver *receiver, const char *text, gsize len)
{
  for (HawserMember *member = receiver->members; member != NULL; member = member->next)
    if (strlen (member->group->text) == len && memcmp (member->group->text, text, len) == 0)
      return member;
  return NULL;
}

/* As many messages and bytes may wait for a group as for all its members. */
static void
widen_limits (HawserGroup *self)
{
  HawserQueueLimits *limits = &self->receiver->durable->limits;
  guint64 n_messages = 0, n_bytes = 0;

  for (guint i = 0; i < self->members->len; i++)
    {
      const HawserQueueLimits *own = ((HawserMember *) g_ptr_array_index (self->members, i))->receiver->limits;

      n_messages += own->max_messages;
      n_bytes += own->max_bytes;
      limits->overflow = own->overflow;
      limits->max_age_us = own->max_age_us;
    }
  limits->max_messages = (guint32) MIN (MAX (limits->max_messages, n_messages), G_MAXUINT32);
  limits->max_bytes = MAX (limits->max_bytes, MIN (n_bytes, HAWSER_DEFAULT_MAX_DURABLE_BYTES));
}

/* One that leaves is no subscription any more, though it may finish. */
static void
count_member (HawserMember *member, int n)
{
  member->receiver->n_entries += (guint) n;
  if (!(member->receiver->flags & HAWSER_RECEIVER_HIDDEN))
    member->receiver->bus->statistics.n_subscriptions += (guint64) (gint64) n;
}

void
hawser_group_join (HawserReceiver *receiver, const char *text, gsize len, const HawserSubscribeOptions *options)
{
  HawserMember *member = hawser_group_find_member (receiver, text, len);
  HawserGroup *self;

  if (member == NULL)
    {
      self = need_group (receiver->bus, text, len);
      member = g_new0 (HawserMember, 1);
      member->group = self;
      member->receiver = receiver;
      member->next = receiver->members;
      receiver->members = member;
      g_ptr_array_add (self->members, member);
      count_member (member, 1);
    }
  else if (member->is_leaving)
    count_member (member, 1);
  self = member->group;
  member->id = options->id;
  member->qos = options->qos;
  member->retain_as_published = options->retain_as_published != FALSE;
  member->shares_exactly_once = options->shares_exactly_once != FALSE;
  member->is_leaving = FALSE;
  widen_limits (self);
  update_entry (self);
  if (receiver->flags & HAWSER_RECEIVER_DURABLE)
    become_durable (self);
  hawser_receiver_save_later (self->receiver);
  if (receiver->funcs != NULL)
    note_came (member);
}

static void
leave (HawserMember *member)
{
  HawserGroup *self = member->group;
  HawserReceiver *receiver = member->receiver;

  for (HawserMember **link = &receiver->members; *link != NULL; link = &(*link)->next)
    if (*link == member)
      {
        *link = member->next;
        break;
      }
  note_left (member, TRUE);
  g_ptr_array_remove (self->members, member);
  if (!member->is_leaving)
    count_member (member, -1);
  g_free (member);
  if (self->members->len == 0)
    hawser_receiver_remove (self->receiver);
  else
    update_entry (self);
}

void
hawser_group_unsubscribe (HawserMember *member)
{
  if (!member->is_leaving)
    count_member (member, -1);
  member->is_leaving = TRUE;
  if (member->n_given == 0)
    leave (member);
  else
    update_entry (member->group);
}

void
hawser_group_attached (HawserReceiver *receiver)
{
  for (HawserMember *member = receiver->members; member != NULL; member = member->next)
    note_came (member);
}

void
hawser_group_resumed (HawserReceiver *receiver)
{
  for (HawserMember *member = receiver->members; member != NULL; member = member->next)
    if (member->is_busy)
      {
        member->is_busy = FALSE;
        wake (member->group);
      }
}

void
hawser_group_detached (HawserReceiver *receiver)
{
  for (HawserMember *member = receiver->members, *next; member != NULL; member = next)
    {
      next = member->next;
      if (member->is_leaving)
        leave (member);
      else
        note_left (member, FALSE);
    }
}

void
hawser_group_removed (HawserReceiver *receiver)
{
  while (receiver->members != NULL)
    leave (receiver->members);
}

void
hawser_group_dissolve (HawserGroup *self)
{
  g_hash_table_remove (self->bus->groups, self->text);
  for (guint i = 0; i < self->members->len; i++)
    {
      HawserMember *member = g_ptr_array_index (self->members, i);

      for (HawserMember **link = &member->receiver->members; *link != NULL; link = &(*link)->next)
        if (*link == member)
          {
            *link = member->next;
            break;
          }
      if (!member->is_leaving)
        count_member (member, -1);
      g_free (member);
    }
  g_ptr_array_set_size (self->members, 0);
  self->n_attached = 0;
}

void
hawser_group_free (HawserGroup *self)
{
  hawser_queue_clear (&self->returned);
  hawser_queue_clear (&self->parked);
  g_hash_table_unref (self->held);
  g_hash_table_unref (self->given);
  g_ptr_array_unref (self->members);
  g_free (self->text);
  g_free (self);
}

/* ---- After a restart ---- */

void
hawser_group_recover (HawserBus *bus, const HawserJournalQueue *queue)
{
  HawserGroup *self = need_group (bus, queue->id, strlen (queue->id));

  if (self == NULL)
    return;
  self->receiver->flags |= HAWSER_RECEIVER_DURABLE;
  self->receiver->durable->queue = queue->queue;
  self->receiver->durable->recovered_position = queue->last_position;
  self->receiver->durable->skipped_position = G_MAXUINT64;
}

void
hawser_group_sweep (HawserBus *bus)
{
  g_autoptr (GPtrArray) empty = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer group;

  g_hash_table_iter_init (&iter, bus->groups);
  while (g_hash_table_iter_next (&iter, NULL, &group))
    if (((HawserGroup *) group)->members->len == 0)
      g_ptr_array_add (empty, group);
    else if (((HawserGroup *) group)->receiver->durable->queue == 0)
      hawser_receiver_save_now (((HawserGroup *) group)->receiver);
  for (guint i = 0; i < empty->len; i++)
    hawser_receiver_remove (((HawserGroup *) g_ptr_array_index (empty, i))->receiver);
}
