"""M6: a chat bot with a table.

Client: each --say is a question, waiting for its answer, then `bye`. Server: the answer of the table; to `bye` it answers nothing
and closes. A question that is not in the table is wrong, as the item has no answer to it; the client takes any.
"""

import peer

END = b"bye"
TABLE = {
    b"how are you?": b"Fine,thank you.",
    b"how old are you?": b"38",
    b"what is your name?": b"Dong FuGuo",
    b"what's your name?": b"Dong FuGuo",
    b"where do you work?": b"SDIBT",
}


def serve(line, args):
    while (text := line.message()) != END:
        if text not in TABLE:
            raise peer.Wrong("a question of the table", text)
        line.send(TABLE[text])
    line.finish()


def dial(line, args):
    for text in args.say:
        if text == END:
            break
        line.send(text)
        line.expect(TABLE[text]) if text in TABLE else line.message()
    line.send(END)
    line.finish()


if __name__ == "__main__":
    peer.run(__doc__, serve, dial, dialling=[peer.texts("--say", list(TABLE), "a question")])
