"""What a borrower or a relative is told, when, by which way, and whether it may go at all.

Templates hold no facts:
``documents``  a template as a document: its shape, its canonical form, its digest
``values``     the types of placeholders, and how a value of each is written in a language
``rendering``  a document, a channel, a language and values -> words
``segments``   how many parts a text message has
``policy``     ``policies/templates.yaml``: bounds and word lists
``links``      what a telephone would make a link or a number of
``wording``    demands, threats, amounts
``lints``      everything that may be wrong with a document
``samples``    made-up values
``previews``   a document with made-up values, and what is wrong with it
``changes``    what differs between two versions, in words
``store``      the tables ``notice_template`` and ``notice_retirement``
``templates``  adopt, retire, what is in force
``starting``   the set that a book begins with

What is told:
``tellings``   ``policies/tellings.yaml``: what is told of what
``outbox``     puts down what is to be told, in the transaction that it is about
``planner``, ``planner_sql``  the same for what was committed: events, and what a closed day asks
``recipients`` who gets a notice
``sealing``    what is secret of one

Whether it may go:
``legal``      ``policies/notice_rules.yaml``: the rows of the law and of the house
``counters``   how often somebody was told lately
``gate``       now, later or not at all, and why

How it goes:
``sending``    ``policies/sending.yaml``: ways, retries, leases
``queue_sql``  the SQL of what waits
``reading``    everything that a batch is decided by
``counter_rows``, ``counting``  counters in the table, and those that a notice moves
``calls``      counts calls that were taken, and that were not
``filling``    the facts of a notice as values of a template
``deciding``   of one notice, by which way, whether now, in which words
``batches``    of all that is due, and what goes together in one message
``quiet``      waits until what was decided before has left
``delivery``   takes, decides, hands over, settles
``codes``      the code in a bill reminder
``providers``  what a provider is asked, and what its answers mean
``letters``    an e-mail as bytes
``smtp``       e-mail by a mail server
``webhook_carrier``, ``pushes``  the host application, told by a webhook, and what it answered
``carriers``   who carries what, by the operator's settings
``receipt_words``, ``receipt_rules``, ``receipts_sql``, ``receipts``
               what providers tell later, and what it does to a notice
``sandbox``, ``sandbox_server``, ``sandbox_receipts``
               a provider to try against
``failover``   which provider sends, by weights that follow how they fare
``breakers``   when sending stops by itself, or is not as usual
``watches``, ``watching``  too much to one number, or from one place: what that is, and its counters
``health_policy``  ``policies/breakers.yaml``
``breaker_moves``  breakers in their table, with their history
``health``, ``health_sql``  looks at breakers and weights; what a person does to a breaker

And afterwards:
``own``, ``own_sql``  what a borrower was told, in its words again
``preferences``  what a recipient chose
``measuring``, ``measuring_sql``  what notices lead to
``leaving``    a person's export, and their erasure
"""
