"""Why the platform says no, in Chinese, by the English sentences of the services, the store and the archives' reader.

What stands in braces is taken over as it is, or translated where it is one of `WORDS`.
"""

SENTENCES = {
    # Accounts
    'Registration is closed. Ask an administrator for an account.': '注册已关闭。请向管理员申请账号。',
    'There is no account with this name and password.': '没有使用此用户名和密码的账号。',
    'This account still runs {contests}. Close that first.': '此账号仍在主办 {contests}，请先关闭。',
    'Expected a name of 1 to 60 characters for the token.': '令牌名称须为 1 到 60 个字符。',
    'Expected more than 0 and up to {most} days. Received: {days}.': '天数须大于 0 且不超过 {most}。收到：{days}。',
    'Expected at most {n} tokens. Delete one first.': '最多可有 {n} 个令牌，请先删除一个。',
    'This is not the current password.': '当前密码不正确。',
    'Expected a name of 3 to 40 letters, digits, spaces, dots, dashes or underscores. Received: {name}.':
        '用户名须为 3 到 40 个字母、数字、空格、点、短横或下划线。收到：{name}。',
    'Expected an e-mail address such as me@example.org. Received: {email}.':
        '请填写电子邮件地址，例如 me@example.org。收到：{email}。',
    'Expected a password of {low} to {high} characters.': '密码长度须为 {low} 到 {high} 个字符。',
    'Expected a password that is harder to guess: not the name, not one letter repeated.':
        '密码太容易猜到：不能是用户名，也不能是同一个字符的重复。',
    'The name {name} is taken. Choose another.': '用户名 {name} 已被使用，请另选一个。',
    'There is an account with this e-mail. Log in, or use another.': '此电子邮件已有账号。请登录，或换一个。',
    'Nobody takes the own role away or disables the own account. Ask another administrator.':
        '不能撤销自己的角色或停用自己的账号，请让其他管理员操作。',
    'There is no such token.': '没有这个令牌。',
    'Too many {what}. Try again in {seconds} s.': '{what}过多，请在 {seconds} 秒后再试。',
    'Too many open event streams. Close one, or ask for the state instead.':
        '打开的实时更新过多，请关闭一个，或改为刷新页面。',
    # Who may
    'Sign in first, or send a token: Authorization: Bearer sgc_...':
        '请先登录，或发送令牌：Authorization: Bearer sgc_...',
    'This token is not valid (any more). Make a new one on the account page.':
        '此令牌无效或已失效。请在账号页面创建新的令牌。',
    'Expected Authorization: Bearer sgc_... Make a token on the account page.':
        '应为 Authorization: Bearer sgc_...。可在账号页面创建令牌。',
    'This request was started by another site: {site}.': '此请求来自其他网站：{site}。',
    'The form is out of date. Load the page again and send it once more.': '表单已过期。请重新加载页面后再提交。',
    'Only administrators may do this.': '只有管理员可以这样做。',
    'Only organisers may create contests. Ask an administrator for the role.':
        '只有组织者可以创建竞赛，请向管理员申请该角色。',
    "Only this contest's organisers may do this.": '只有本竞赛的组织者可以这样做。',
    "Only this contest's judges and organisers may do this.": '只有本竞赛的评委和组织者可以这样做。',
    'Join this contest first.': '请先参加本竞赛。',
    "This is another team's submission.": '这是其他队伍的提交。',
    "These are another team's submissions.": '这些是其他队伍的提交。',
    'Only members of this team may do this.': '只有本队成员可以这样做。',
    "Only the team's leader may do this.": '只有队长可以这样做。',
    "This is another user's upload.": '这是其他用户的上传。',
    "This is another user's upload, or one into another contest.": '这是其他用户的上传，或属于其他竞赛。',
    'There is no such thing in this contest.': '本竞赛中没有这项内容。',
    'There is no contest {slug}.': '没有竞赛 {slug}。',
    'There is no such contest.': '没有这个竞赛。',
    'There is no such submission.': '没有这个提交。',
    'There is no such member of this team.': '本队没有这位成员。',
    'There is no such member in this team.': '本队没有这位成员。',
    'There is no such {thing}.': '没有这项内容。',
    'Somebody else has just written the same. Look again and repeat.': '有人刚刚做了同样的修改。请刷新后重试。',
    # Teams
    'This contest is closed.': '本竞赛已关闭。',
    'This contest is not open.': '本竞赛尚未开放。',
    'The team is full: {n} members at most.': '队伍已满：最多 {n} 人。',
    'This invitation was used, has expired, or never was. Ask for a new one.':
        '此邀请已使用、已过期或不存在。请索取新的邀请。',
    'Expected a team name of 3 to 40 printable characters. Received: {name}.':
        '队名须为 3 到 40 个可显示字符。收到：{name}。',
    'There is a team {name} in this contest. Choose another name.': '本竞赛已有队伍 {name}，请另选名称。',
    'You are in a team of this contest. Leave it first.': '您已在本竞赛的一支队伍中，请先退出。',
    # Submitting
    'Join the contest first: make a team or accept an invitation.': '请先参加竞赛：组建队伍或接受邀请。',
    'This contest has not been opened yet.': '本竞赛尚未开放。',
    'No phase is open. {phase} begins at {time}.': '当前没有开放的阶段。{phase} 于 {time} 开始。',
    'The last phase has ended.': '最后一个阶段已结束。',
    'The open phase is {phase}. Received: {name}.': '当前开放的阶段是 {phase}。收到：{name}。',
    '{n} of your submissions wait or run already. Try again when one has ended.':
        '您已有 {n} 个提交在排队或运行。请在其中一个结束后再试。',
    'Your team has used its {n} submissions of today. The next day begins at {time}.':
        '您的队伍已用完今天的 {n} 次提交。下一天从 {time} 开始。',
    'Your team has used its {n} submissions of this phase.': '您的队伍已用完本阶段的 {n} 次提交。',
    'Expected a file that ends in .zip, .tar.gz or .tgz. Received: {name}.':
        '文件须以 .zip、.tar.gz 或 .tgz 结尾。收到：{name}。',
    'Expected the SHA-256 of the file as 64 hexadecimal characters.': '文件的 SHA-256 须为 64 个十六进制字符。',
    'Expected the size of the file in bytes. Received: {size}.': '须给出文件的字节数。收到：{size}。',
    'Expected at most {most} bytes in this contest. Received: {size}.': '本竞赛的文件最多 {most} 字节。收到：{size}。',
    'Expected at most {n} unfinished uploads. Submit or delete one first.':
        '最多可有 {n} 个未完成的上传。请先提交或删除一个。',
    'Expected Upload-Offset: {expected}. Received: {offset}. Go on from there.':
        '应为 Upload-Offset: {expected}。收到：{offset}。请从那里继续。',
    'Expected bytes from offset {expected} on. Received offset {offset}.':
        '应从第 {expected} 字节继续。收到：{offset}。',
    'Expected some bytes. Received none.': '没有收到任何数据。',
    'Expected {size} bytes in all, as announced. Received {received}.':
        '文件声明为 {size} 字节，收到 {received} 字节。',
    'Expected {size} bytes in all. Received {received}.': '文件应为 {size} 字节，收到 {received} 字节。',
    'The part at {offset} arrived damaged. Send it again.': '从 {offset} 开始的部分在传输中损坏，请重新发送。',
    '{received} of {size} bytes have arrived. Send the rest first.':
        '{size} 字节中已收到 {received} 字节。请先发送其余部分。',
    'The file arrived with SHA-256 {found}, expected {expected}. Upload it again.':
        '收到的文件 SHA-256 为 {found}，应为 {expected}。请重新上传。',
    'There is no such upload, or its time is over. Upload the file again.': '没有这个上传，或已超时。请重新上传文件。',
    "Expected 'results' or 'model'. Received: {kind}.": '类型须为 results 或 model。收到：{kind}。',
    'This contest takes no models. Submit results.': '本竞赛不接受模型，请提交结果图片。',
    'This contest takes models only.': '本竞赛只接受模型。',
    'Expected {field} of {low} to {high} characters. Received {n}.':
        '{field}须为 {low} 到 {high} 个字符，收到 {n} 个。',
    # What becomes of it
    'In this phase the {rule} submission of each team counts; nothing is chosen.':
        '本阶段以各队{rule}的提交为准，无需选择。',
    'Only a scored submission can be chosen, and only until its phase ends.':
        '只有已评分的提交可以选择，且须在阶段结束之前。',
    '{n} submissions may be chosen. Take another choice back first.': '最多可选择 {n} 个提交，请先取消另一个选择。',
    'A submission that is {state} cannot be {verb}.': '{state}的提交不能{verb}。',
    'This submission is disqualified already.': '此提交已被取消资格。',
    'There is no such entry.': '没有这个作品。',
    'There is no log yet.': '尚无日志。',
    'You have reported this entry already. The organisers will look at it.': '您已举报过此作品，组织者会查看。',
    'This report was handled already.': '此举报已处理。',
    'There is no such report in this contest.': '本竞赛没有这个举报。',
    'Expected upheld or rejected. Received: {state}.': '须为 upheld 或 rejected。收到：{state}。',
    # Boards and votes
    'Expected a pair from 0 to {last}. Received: {pair}.': '图片编号须为 0 到 {last}。收到：{pair}。',
    'Expected a phase, one of {phases}. Received: {phase}.': '须为下列阶段之一：{phases}。收到：{phase}。',
    'Expected a metric, one of {metrics}. Received: {metric}.': '须为下列指标之一：{metrics}。收到：{metric}。',
    'Expected public or private. Received: {split}.': '须为 public 或 private。收到：{split}。',
    'The board of phase {phase} is hidden until its end, and so is the log.':
        '阶段 {phase} 的榜单在结束前不公开，日志也不公开。',
    'The {split} board of this phase is shown when the phase has ended.': '本阶段的{split}榜单在阶段结束后公布。',
    'The votes of this phase are shown when its board is.': '本阶段的投票结果与榜单一同公布。',
    'This contest has no voting.': '本竞赛没有投票。',
    'There is no phase {phase}.': '没有阶段 {phase}。',
    'Voting begins when the board of this phase is shown.': '本阶段的榜单公布后才开始投票。',
    'Expected at most {n} votes an hour. Come back later.': '每小时最多 {n} 票，请稍后再来。',
    'One of these entries was withdrawn. Take the next ballot.': '其中一件作品已被撤下，请看下一组。',
    'This ballot is not yours or is older than an hour. Take the next one.':
        '这组图片不属于您，或已超过一小时，请看下一组。',
    'You have judged these two already.': '您已评判过这两件作品。',
    'There is no such picture.': '没有这张图片。',
    'There is no such picture any more.': '这张图片已不存在。',
    'There is no such picture in this contest.': '本竞赛没有这张图片。',
    # Organising
    'There is a contest {slug}. Choose another slug.': '已有竞赛 {slug}，请另选 slug。',
    'A contest that was open cannot become a draft again. Close it instead.':
        '开放过的竞赛不能再改为草稿，请将其关闭。',
    'The owner stays an organiser. Give the contest another owner first.': '所有者始终是组织者，请先更换竞赛的所有者。',
    'Expected 1 to {most} characters. Received {n}.': '须为 1 到 {most} 个字符，收到 {n} 个。',
    "Expected 'organiser', 'judge' or nothing. Received: {role}.": '须为 organiser、judge 或留空。收到：{role}。',
    'Expected competition.yaml, pairs.csv, description.md and rules.md, of up to a MiB each. Received: {name}, {n} '
    'characters.':
        '须为 competition.yaml、pairs.csv、description.md 和 rules.md，各不超过 1 MiB。收到：{name}，{n} 个字符。',
    'Expected one of {known}. Received: {value}.': '须为下列之一：{known}。收到：{value}。',
    'The score log does not verify: {error}': '评分日志校验失败：{error}',
    # Runs that failed
    'The archive cannot be read: {reason}.': '无法读取压缩包：{reason}。',
    'The archive has {size}; at most {most} are taken.': '压缩包为 {size}，最多 {most}。',
    'The archive is empty. Make it anew as .zip or .tar.gz.': '压缩包是空的。请重新打包为 .zip 或 .tar.gz。',
    'The archive is neither a zip nor a tar.gz file, or its beginning is damaged. Make it anew as .zip or .tar.gz.':
        '压缩包既不是 zip 也不是 tar.gz，或开头已损坏。请重新打包为 .zip 或 .tar.gz。',
    'The archive holds more than {n} files. Pack the results of the pairs only.':
        '压缩包中的文件超过 {n} 个。请只打包各对的结果。',
    'The archive unpacks to more than {most}. Send pictures of the expected size only.':
        '压缩包解压后超过 {most}。请只提交规定尺寸的图片。',
    'The archive grows more than {ratio} times when unpacked, which pictures do not. Leave out what is no result.':
        '压缩包解压后增大超过 {ratio} 倍，图片不会如此。请去掉不是结果的文件。',
    '{name}: has more than {most} unpacked.': '{name}：解压后超过 {most}。',
    '{name}: is a link or no plain file. Pack the pictures themselves.':
        '{name}：是链接或不是普通文件。请打包图片本身。',
    '{name}: is encrypted. Pack without a password.': '{name}：已加密。请不要设置密码。',
    '{name}: is packed by a rare method. Use plain zip (deflate).':
        '{name}：使用了少见的压缩方式。请用普通 zip（deflate）。',
    '{name}: this name could land outside its folder. Use plain names such as 000.png.':
        '{name}：此名称可能指向文件夹之外。请使用 000.png 这样的名称。',
    '{name}: has more than {most} KiB; shorten it.': '{name}：超过 {most} KiB，请缩短。',
    '{name}: archives inside the archive are not opened. Pack the pictures directly.':
        '{name}：不打开嵌套的压缩包。请直接打包图片。',
    '{name}: results are PNG or JPEG. Save it as .png.': '{name}：结果须为 PNG 或 JPEG。请保存为 .png。',
    '{name}: does not belong to any pair. Expected are 000.png to {last}.png, or names such as {example}.':
        '{name}：不属于任何一对。应为 000.png 到 {last}.png，或如 {example} 的名称。',
    '{name}: pair {pair} is there twice, also as {other}. Keep one.':
        '{name}：第 {pair} 对出现两次，另一个是 {other}。请只保留一个。',
    '{name}: is there twice. Keep one.': '{name}：出现两次。请只保留一个。',
    '{name} is missing (pair {pair}: {content} in the style of {style}). Every pair needs a result.':
        '缺少 {name}（第 {pair} 对：{content}，风格 {style}）。每一对都需要结果。',
    '{name}: is empty.': '{name}：是空文件。',
    '{name}: is no PNG or JPEG inside. Save it as .png.': '{name}：内容不是 PNG 或 JPEG。请保存为 .png。',
    '{name}: is larger than the expected {size} pixels (width x height).':
        '{name}：大于规定的 {size} 像素（宽 x 高）。',
    '{name}: is {found} pixels (width x height). Expected {size}, the size of its content.':
        '{name}：为 {found} 像素（宽 x 高），应为 {size}，即其照片的尺寸。',
    '{what} is damaged or incomplete ({reason}). Make it anew and check that it opens before it is sent.':
        '{what}已损坏或不完整（{reason}）。请重新打包，并在提交前确认可以打开。',
    '... and {n} more of this kind.': '……以及另外 {n} 处同类问题。',
    '... and {n} more.': '……以及另外 {n} 处。',
    'The archive holds no saved_model.pb: pack the folder that `stylegan-tf export` wrote.':
        '压缩包中没有 saved_model.pb：请打包 `stylegan-tf export` 写出的文件夹。',
    'The archive holds more than one model; pack one.': '压缩包中有多个模型，请只打包一个。',
    '{name}: does not belong to a SavedModel (saved_model.pb, fingerprint.pb, variables/, assets/). Leave it out.':
        '{name}：不属于 SavedModel（saved_model.pb、fingerprint.pb、variables/、assets/），请去掉。',
    'This contest takes results only, no models.': '本竞赛只接受结果图片，不接受模型。',
    'Your model was stopped: it took more than {seconds} s for all pairs.':
        '您的模型已被停止：全部图片用时超过 {seconds} 秒。',
    'Your model was stopped: it used more than {seconds} s of computing time for all pairs.':
        '您的模型已被停止：全部图片的计算时间超过 {seconds} 秒。',
    'Your model was stopped: it used more than {memory} GiB of memory.': '您的模型已被停止：内存超过 {memory} GiB。',
    'Your model was stopped: it started more than {processes} threads.': '您的模型已被停止：线程超过 {processes} 个。',
    'Your model was stopped: it wrote more than {output} MiB.': '您的模型已被停止：写出的数据超过 {output} MiB。',
    'Your model lacks the signature serving_default with content_bytes, style_bytes and strength in and stylized_bytes '
    'out; `stylegan-tf export` writes it.':
        '您的模型缺少签名 serving_default（输入 content_bytes、style_bytes 和 strength，输出 stylized_bytes）；'
        '`stylegan-tf export` 会写出它。',
    'Your model failed while it painted. Its last words were:': '您的模型在绘制时出错。最后的输出是：',
    '{metric} has no value for these {n} {split} pictures. Tell the organisers if this surprises you.':
        '{metric} 对这 {n} 张{split}图片没有数值。如有疑问请告诉组织者。',
    'The server could not score this submission (reference {reference}). It is not your fault and does not use up your '
    'quota. The organisers can start it again.':
        '服务器未能为此提交评分（编号 {reference}）。这不是您的问题，也不占用配额。组织者可以重新启动。',
    'Scoring was started {attempts} times and never came to an end. The organisers can start it again; an archive of '
    'fewer or smaller pictures may help.':
        '评分启动了 {attempts} 次仍未完成。组织者可以重新启动；减少或缩小图片可能有帮助。',
}

WORDS = {
    'registrations from this address': '来自此地址的注册', 'log-ins from this address': '来自此地址的登录',
    'wrong passwords for this account': '此账号的错误密码', 'wrong passwords': '错误密码',
    'new tokens and invitations': '新令牌和邀请', 'contests': '新竞赛', 'exports': '导出', 'submissions': '提交',
    'reports': '举报', 'requests': '请求', 'best': '最佳', 'last': '最后', 'public': '公开', 'private': '非公开',
    'queued': '排队中', 'running': '运行中', 'scored': '已评分', 'failed': '失败', 'cancelled': '已取消',
    'disqualified': '已取消资格', 'chosen': '被选择', 'reinstated': '恢复', 'scored again': '重新评分',
    'title': '标题', 'note': '说明', 'reason': '理由', 'The archive': '压缩包',
}
